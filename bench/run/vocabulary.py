"""Class words that the backbone does not know: then a run tests the machinery only."""

from __future__ import annotations

from pathlib import Path

from transformers import CLIPTokenizer

from bench.core.progress import console
from bench.core.scenes import Dataset
from bench.diffusion.backbone.handles import unknown_words


def unknown_words_warning(tokenizer: CLIPTokenizer, dataset: Dataset) -> str | None:
    """One sentence if some class words are not the backbone's, else None."""
    labels = sorted({concept.label for scene in dataset.scenes for concept in scene.concepts})
    words = unknown_words(tokenizer, labels)
    if not words:
        return None
    shown = ", ".join(words[:6]) + (" ..." if len(words) > 6 else "")
    return f"The backbone does not know the class words {shown}: this run tests the machinery only, not the methods."


def warn_of_unknown_words(tokenizer: CLIPTokenizer, dataset: Dataset) -> None:
    """Say once what the page's banner will say."""
    sentence = unknown_words_warning(tokenizer, dataset)
    if sentence:
        console.print(f"[yellow]{sentence}[/yellow]")


def load_tokenizer(backbone: Path) -> CLIPTokenizer:
    """The tokenizer of a backbone's folder."""
    tokenizer: CLIPTokenizer = CLIPTokenizer.from_pretrained(backbone / "tokenizer")
    return tokenizer
