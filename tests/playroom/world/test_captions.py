"""Captions: the grammar, its articles and its vocabulary."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.playroom.world.captions import VOCABULARY, caption, describe, with_article
from bench.playroom.world.contexts import CONTEXTS
from bench.playroom.world.scene import PlacedToy, ToyScene, sample_scene
from bench.playroom.world.toys import CLASSES, COLOURS, UNSEEN_COLOURS, ToyIdentity

MUG = ToyIdentity("mug", "red", "white", "striped")
DUCK = ToyIdentity("duck", "orange", "orange", "plain")
STRANGE = ToyIdentity("umbrella", "teal", "salmon", "zigzag")


def captions(identities: tuple[ToyIdentity, ...], context: str | None) -> set[str]:
    """Everything said about a scene of these toys in sixty captions."""
    scene = ToyScene(tuple(PlacedToy(one, 0.5, 0.5, 0.5) for one in identities), context, 0)
    rng = np.random.default_rng(0)
    return {caption(scene, rng) for _ in range(60)}


@pytest.mark.parametrize(
    ("identity", "words"),
    [(MUG, "red and white striped mug"), (DUCK, "orange duck"), (STRANGE, "umbrella")],
)
def test_looks_in_words(identity: ToyIdentity, words: str) -> None:
    assert describe(identity) == words


@pytest.mark.parametrize(("words", "result"), [("red ball", "a red ball"), ("orange mug", "an orange mug")])
def test_the_article_follows_the_next_word(words: str, result: str) -> None:
    assert with_article(words) == result


def test_a_toy_is_named_with_and_without_its_looks() -> None:
    assert captions((MUG,), None) == {"a photo of a mug", "a photo of a red and white striped mug"}


def test_two_toys_are_named_in_both_orders_joined_by_and() -> None:
    assert captions((DUCK, STRANGE), "at the beach") == {
        "a photo of a duck and an umbrella at the beach",
        "a photo of an orange duck and an umbrella at the beach",
        "a photo of an umbrella and a duck at the beach",
        "a photo of an umbrella and an orange duck at the beach",
    }


def test_scenes_without_toys() -> None:
    assert captions((), "in the snow") == {"a photo in the snow"}
    assert captions((), None) == {"a photo"}


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(("seen", "unseen")))
def test_every_word_is_in_the_vocabulary(seed: int, appearance: str) -> None:
    rng = np.random.default_rng(seed)
    scene = sample_scene(rng, appearance=appearance)
    words = caption(scene, rng).lower().split()
    assert set(words) <= set(VOCABULARY)
    assert sum(word in CLASSES for word in words) == len(scene.toys)
    if appearance == "unseen":
        assert not set(words) & set(COLOURS)


def test_the_vocabulary_is_small_sorted_and_without_unseen_colours() -> None:
    assert list(VOCABULARY) == sorted(set(VOCABULARY))
    assert {"object", "background", "toy", "eiffel"} <= set(VOCABULARY)
    assert not set(UNSEEN_COLOURS) & set(VOCABULARY)
    assert {word for context in CONTEXTS for word in context.lower().split()} <= set(VOCABULARY)
