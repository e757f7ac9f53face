"""Class words that are not in the backbone's vocabulary: with any, a run tests the machinery only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.core.progress import console
from bench.data.manifest import Manifest
from bench.diffusion.backbone.limits import read_tokenizer

_SHOWN = 6


def unknown_words(backbone: Path, manifest: Manifest) -> tuple[str, ...]:
    """The class words of a dataset that a backbone's tokenizer splits into single letters or pairs, sorted.

    Raises `UserError` if the tokenizer cannot be read.
    """
    from bench.diffusion.backbone.handles import spelled_words  # noqa: PLC0415 - slow to import

    tokenizer = read_tokenizer(backbone)
    return spelled_words(tokenizer, sorted({label for scene in manifest.scenes for label in scene.classes}))


def unknown_words_warning(words: Sequence[str]) -> str | None:
    """One sentence about unknown class words; None if there are none."""
    if not words:
        return None
    shown = ", ".join(words[:_SHOWN]) + (" ..." if len(words) > _SHOWN else "")
    return f"The backbone does not know the class words {shown}: this run tests the machinery only, not the methods."


def warn_of_unknown_words(words: Sequence[str]) -> None:
    """Print the warning that the report shows as a banner."""
    if sentence := unknown_words_warning(words):
        console.print(f"[yellow]{sentence}[/yellow]")
