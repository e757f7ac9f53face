"""What a training step sees: union sampling and the masked collection."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.diffusion.samples import CollectionSamples, SceneSamples, Subsets, choose_subset
from bench.scenes import Scene

DRAWS = 12_000


def _frequencies(count: int, subsets: Subsets) -> dict[tuple[int, ...], float]:
    rng = np.random.default_rng(0)
    counted = Counter(choose_subset(count, subsets, rng) for _ in range(DRAWS))
    return {subset: number / DRAWS for subset, number in counted.items()}


def test_uniform_gives_every_non_empty_subset_the_same_chance() -> None:
    expected = dict.fromkeys([(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)], 1 / 7)
    assert _frequencies(3, "uniform") == pytest.approx(expected, abs=0.015)


def test_size_first_draws_the_size_then_an_ordered_subset() -> None:
    expected = {s: 1 / 3 / n for k, n in ((1, 3), (2, 6), (3, 6)) for s in permutations(range(3), k)}
    assert _frequencies(3, "size-first") == pytest.approx(expected, abs=0.015)


def test_single_always_takes_one() -> None:
    assert _frequencies(3, "single") == pytest.approx({(0,): 1 / 3, (1,): 1 / 3, (2,): 1 / 3}, abs=0.015)


@given(st.integers(1, 8), st.sampled_from(["uniform", "size-first", "single"]), st.integers(0, 2**32))
def test_a_subset_is_never_empty_and_names_no_concept_twice(count: int, subsets: Subsets, seed: int) -> None:
    subset = choose_subset(count, subsets, np.random.default_rng(seed))
    assert 1 <= len(subset) <= count
    assert len(set(subset)) == len(subset)
    assert set(subset) <= set(range(count))


def test_the_text_names_the_handles_in_the_order_of_the_masks(scene: Scene) -> None:
    rng = np.random.default_rng(0)
    samples = [SceneSamples("size-first", flip=0.0).draw(scene, rng) for _ in range(40)]
    assert {sample.text for sample in samples} == {
        "a photo of [v1]",
        "a photo of [v2]",
        "a photo of [v1] and [v2]",
        "a photo of [v2] and [v1]",
    }
    for sample in samples:
        for mask, index in zip(sample.masks, sample.subset, strict=True):
            np.testing.assert_array_equal(mask, scene.concepts[index].mask)


def test_a_flip_turns_picture_and_masks_together(scene: Scene) -> None:
    sample = SceneSamples("uniform", flip=1.0).draw(scene, np.random.default_rng(0))
    np.testing.assert_array_equal(sample.picture, scene.picture[:, ::-1])
    for mask, index in zip(sample.masks, sample.subset, strict=True):
        np.testing.assert_array_equal(mask, scene.concepts[index].mask[:, ::-1])


def test_flips_come_with_their_probability(scene: Scene) -> None:
    rng = np.random.default_rng(0)
    drawn = [SceneSamples("uniform", flip=0.25).draw(scene, rng) for _ in range(2000)]
    flipped = np.mean([np.array_equal(sample.picture, scene.picture[:, ::-1]) for sample in drawn])
    assert flipped == pytest.approx(0.25, abs=0.04)


def test_the_collection_puts_the_chosen_concepts_on_one_colour(scene: Scene) -> None:
    rng = np.random.default_rng(0)
    colours = set()
    for _ in range(30):
        sample = CollectionSamples(flip=0.0).draw(scene, rng)
        union = sample.masks.any(axis=0)
        np.testing.assert_array_equal(sample.picture[union], scene.picture[union])
        background = np.unique(sample.picture[~union], axis=0)
        assert len(background) == 1
        colours.add(tuple(background[0]))
    assert len(colours) == 30
