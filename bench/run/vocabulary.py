"""Class words that are not in the backbone's vocabulary: with any, a run tests the machinery only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.core.text import some
from bench.data.manifest import Manifest
from bench.diffusion.backbone.limits import read_tokenizer


def unknown_words(backbone: Path, manifest: Manifest) -> tuple[str, ...]:
    """The class words of a dataset that a backbone's tokenizer splits into single letters or pairs, sorted.

    Raises `UserError` if the tokenizer cannot be read.
    """
    from bench.diffusion.backbone.handles import spelled_words  # noqa: PLC0415 - slow to import

    tokenizer = read_tokenizer(backbone)
    return spelled_words(tokenizer, sorted({word for scene in manifest.scenes for word in scene.words}))


def where_known_words_are(backbone: Path, candidates: Iterable[str]) -> str:
    """Class words of the candidates that the backbone does know, as an example, and the file of its vocabulary.

    Raises `UserError` if the tokenizer cannot be read.
    """
    from bench.diffusion.backbone.handles import spelled_words  # noqa: PLC0415 - slow to import

    tokenizer = read_tokenizer(backbone)
    known = sorted(word for word in candidates if not spelled_words(tokenizer, [word]))
    example = f"It knows {some(known)}. " if known else ""
    files = [backbone / "tokenizer" / name for name in ("vocab.json", "tokenizer.json")]
    return f"{example}All words that it knows are in {next((file for file in files if file.is_file()), files[0])}."


def unknown_words_warning(words: Sequence[str]) -> str | None:
    """One sentence about unknown class words; None if there are none."""
    if not words:
        return None
    kind = "class word" if len(words) == 1 else "class words"
    return f"The backbone does not know the {kind} {some(words)}: this run tests the machinery only, not the methods."
