"""Texts of prompts, and concepts that are made of others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.core.errors import UserError
from bench.core.scenes import BACKGROUND, Concept, Prompt, Scene, handle, with_background
from bench.diffusion.training.samples import TextTemplate

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


def test_a_concepts_object_is_its_label_unless_told() -> None:
    mask = np.ones((2, 2), bool)
    assert Concept("cat", mask, "[v1]").object == "cat"
    assert Concept("ornament", mask, "[v1]", "chair").object == "chair"


def test_a_concept_is_seen_in_its_own_picture() -> None:
    other = np.full((2, 2, 3), 9, dtype=np.uint8)
    first, second, third = SCENE.concepts
    several = replace(SCENE, more=(other,), concepts=(first, replace(second, picture=1), third))
    assert several.concepts_by_image == ((0, 2), (1,))
    assert [int(several.picture_of(index).max()) for index in range(3)] == [0, 9, 0]
    assert SCENE.concepts_by_image == ((0, 1, 2),)


def test_the_background_is_the_complement_of_all_concepts() -> None:
    one, other = np.zeros((2, 2, 3), bool)
    one[0, 0], other[0, :2] = True, True
    scene = Scene("s", np.zeros((2, 3, 3), np.uint8), (Concept("cat", one, "[v1]"), Concept("dog", other, "[v2]")))
    found = with_background(scene)
    assert [concept.label for concept in found.concepts] == ["cat", "dog", BACKGROUND]
    assert found.concepts[2].handle == "[v3]"
    np.testing.assert_array_equal(found.concepts[2].mask, [[False, False, True], [True, True, True]])
    assert with_background(found) is found, "a scene has one background"


def test_a_picture_full_of_concepts_has_no_background() -> None:
    scene = Scene("full", np.zeros((2, 2, 3), np.uint8), (Concept("cat", np.ones((2, 2), bool), "[v1]"),))
    with pytest.raises(UserError, match=r"^full: .* no background is left"):
        with_background(scene)


@pytest.fixture
def on_beach() -> Scene:
    """A cat and an umbrella with their background as `[v3]`, which shows a beach."""
    corner = np.eye(2, dtype=bool) & [[True, False]]
    parts = tuple(Concept(one.label, corner, one.handle) for one in SCENE.concepts[:2])
    whole = with_background(replace(SCENE, concepts=parts))
    *others, background = whole.concepts
    return replace(whole, concepts=(*others, replace(background, object="beach")))


@pytest.mark.parametrize(
    ("template", "subset", "drawn", "scored", "behind"),
    [
        (
            "a photo of {tokens} at {background}",
            (0, 1, 2),
            "a photo of [v1] and [v2] at [v3]",
            "a photo of a cat and an umbrella at the beach",
            "a photo at the beach",
        ),
        ("a photo of {tokens}", (2,), "a photo of [v3]", "a photo of the beach", "a photo"),
        (
            "a chicken at {tokens}",
            (2,),
            "a chicken at [v3]",
            "a chicken at the beach",
            "a chicken at",
        ),
    ],
)
def test_the_background_has_a_place_of_its_own_in_a_template(
    template: str, subset: tuple[int, ...], drawn: str, scored: str, behind: str, on_beach: Scene
) -> None:
    prompt = Prompt(template, subset)
    assert on_beach.text_with_handles(prompt) == drawn
    assert on_beach.text_with_classes(prompt) == scored
    assert on_beach.text_of_background(prompt) == behind
    assert TextTemplate().prompt_text(on_beach, prompt) == drawn


def test_a_background_without_a_name_is_called_so(on_beach: Scene) -> None:
    unnamed = with_background(replace(on_beach, concepts=on_beach.concepts[:2]))
    assert unnamed.text_with_classes(Prompt("a photo of {tokens}", (2,))) == "a photo of the background"
