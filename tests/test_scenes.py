"""Texts of prompts."""

from __future__ import annotations

import numpy as np

from bench.scenes import Concept, Prompt, Scene, handle

MASK = np.ones((2, 2), dtype=bool)
SCENE = Scene(
    "s",
    np.zeros((2, 2, 3), dtype=np.uint8),
    tuple(Concept(label, MASK, handle(i)) for i, label in enumerate(("cat", "umbrella", "dining table"))),
)


def test_the_papers_texts() -> None:
    prompt = Prompt("a photo of {tokens} at the beach", (0, 1))
    assert SCENE.text_with_handles(prompt) == "a photo of [v1] and [v2] at the beach"
    assert SCENE.text_with_classes(prompt) == "a photo of a cat and an umbrella at the beach"


def test_three_concepts_are_joined_by_and() -> None:
    prompt = Prompt("{tokens} floating on top of water", (0, 1, 2))
    assert SCENE.text_with_classes(prompt) == "a cat and an umbrella and a dining table floating on top of water"
