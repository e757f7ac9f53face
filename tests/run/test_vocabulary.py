"""Class words that a backbone does not know are found before anything is drawn, and told in one sentence."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.core.errors import UserError
from bench.run.vocabulary import unknown_words, unknown_words_warning


def manifest(*classes: str) -> Any:
    return SimpleNamespace(scenes=[SimpleNamespace(words=classes), SimpleNamespace(words=classes[:1])])


def test_words_that_the_tokenizer_has_to_spell(tiny_pipeline: Path) -> None:
    """The tiny pipeline knows `cat` and `umbrella`, and every letter."""
    assert unknown_words(tiny_pipeline, manifest("walrus", "cat", "umbrella", "dog")) == ("dog", "walrus")
    assert unknown_words(tiny_pipeline, manifest("cat")) == ()


def test_a_backbone_without_a_tokenizer_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read as CLIP's tokenizer") as caught:
        unknown_words(tmp_path, manifest("cat"))
    assert "\n" not in str(caught.value)


def test_a_damaged_tokenizer_is_one_line(tiny_pipeline: Path, tmp_path: Path) -> None:
    """A merge of tokens that the vocabulary lacks: the library raises a bare `Exception`."""
    shutil.copytree(tiny_pipeline / "tokenizer", tmp_path / "tokenizer")
    merges = "#version: 0.2\n" + "x" * 3000 + " y\n"
    (tmp_path / "tokenizer" / "merges.txt").write_text(merges)
    (tmp_path / "tokenizer" / "tokenizer.json").unlink(missing_ok=True)
    with pytest.raises(UserError, match="cannot be read as CLIP's tokenizer") as caught:
        unknown_words(tmp_path, manifest("cat"))
    assert len(str(caught.value)) < 600


def test_the_sentence_names_some_of_them_or_there_is_none() -> None:
    assert unknown_words_warning(()) is None
    assert "class words dog, walrus:" in str(unknown_words_warning(("dog", "walrus")))
    assert "a, b, c, d, e, f and 2 more:" in str(unknown_words_warning(tuple("abcdefgh")))
