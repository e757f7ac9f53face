"""Class words that are not in the backbone's vocabulary: with any, a run tests the machinery only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.core.errors import UserError
from bench.core.text import some
from bench.data.manifest import Manifest

if TYPE_CHECKING:
    from transformers import CLIPTokenizer


def unknown_words(backbone: Path, manifest: Manifest) -> tuple[str, ...]:
    """The class words of a dataset that a backbone's tokenizer splits into single letters or pairs, sorted.

    Raises `UserError` if the tokenizer cannot be read.
    """
    from bench.diffusion.backbone.handles import spelled_words  # noqa: PLC0415 - slow to import

    return spelled_words(_tokenizer(backbone), sorted({label for scene in manifest.scenes for label in scene.classes}))


def where_known_words_are(backbone: Path, candidates: Iterable[str]) -> str:
    """Class words of the candidates that the backbone does know, as an example, and the file of its vocabulary.

    Raises `UserError` if the tokenizer cannot be read.
    """
    from bench.diffusion.backbone.handles import spelled_words  # noqa: PLC0415 - slow to import

    tokenizer = _tokenizer(backbone)
    known = sorted(word for word in candidates if not spelled_words(tokenizer, [word]))
    example = f"It knows {some(known)}. " if known else ""
    return f"{example}All words that it knows are in {backbone / 'tokenizer' / 'vocab.json'}."


def _tokenizer(backbone: Path) -> CLIPTokenizer:
    from transformers import CLIPTokenizer  # noqa: PLC0415 - slow to import

    try:
        tokenizer: CLIPTokenizer = CLIPTokenizer.from_pretrained(backbone / "tokenizer")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{backbone / 'tokenizer'} cannot be read as CLIP's tokenizer: {' '.join(str(error).split())[:160]}"
        ) from error
    return tokenizer


def unknown_words_warning(words: Sequence[str]) -> str | None:
    """One sentence about unknown class words; None if there are none."""
    if not words:
        return None
    kind = "class word" if len(words) == 1 else "class words"
    return f"The backbone does not know the {kind} {some(words)}: this run tests the machinery only, not the methods."
