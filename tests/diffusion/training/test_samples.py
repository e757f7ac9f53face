"""What a training step sees: union sampling and the masked collection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare, kstest

from bench.core.scenes import Prompt, Scene
from bench.diffusion.training.samples import CollectionSamples, SceneSamples, Subsets, TextTemplate, choose_subset

DRAWS = 6_000
UNLIKELY = 1e-3
"""A true distribution is refused this often; the seeds are fixed, so a test that passes goes on passing."""


def p_value(counted: Mapping[tuple[int, ...], int], expected: Mapping[tuple[int, ...], float]) -> float:
    """Of a chi-square test that the counts come from these probabilities; 0 if something impossible was drawn."""
    if not set(counted) <= {subset for subset, chance in expected.items() if chance > 0}:
        return 0.0
    total = sum(counted.values())
    cells = [(counted.get(subset, 0), chance * total) for subset, chance in expected.items() if chance > 0]
    return float(chisquare(*zip(*cells, strict=True)).pvalue) if len(cells) > 1 else 1.0


def draws(count: int, subsets: Subsets, single: float | None = None) -> Counter[tuple[int, ...]]:
    rng = np.random.default_rng(0)
    return Counter(choose_subset(count, subsets, rng, single) for _ in range(DRAWS))


def combined(count: int, sizes: Iterable[int]) -> list[tuple[int, ...]]:
    return [subset for size in sizes for subset in combinations(range(count), size)]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_uniform_gives_every_non_empty_subset_the_same_chance(count: int) -> None:
    subsets = combined(count, range(1, count + 1))
    assert p_value(draws(count, "uniform"), dict.fromkeys(subsets, 1 / len(subsets))) > UNLIKELY


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_size_first_draws_the_size_then_an_ordered_subset(count: int) -> None:
    ordered = {k: list(permutations(range(count), k)) for k in range(1, count + 1)}
    expected = {subset: 1 / count / len(found) for found in ordered.values() for subset in found}
    assert p_value(draws(count, "size-first"), expected) > UNLIKELY


def test_the_two_rules_differ() -> None:
    """So the tests above can tell them apart."""
    unordered = Counter(tuple(sorted(subset)) for subset in draws(3, "size-first").elements())
    assert p_value(unordered, dict.fromkeys(combined(3, (1, 2, 3)), 1 / 7)) < UNLIKELY


def test_all_is_every_concept_in_order() -> None:
    assert set(draws(3, "all")) == {(0, 1, 2)}


@pytest.mark.parametrize("single", [0.0, 0.8, 1.0])
def test_one_concept_alone_is_as_likely_as_told_and_the_other_subsets_share_the_rest(single: float) -> None:
    more = combined(3, (2, 3))
    expected = {**dict.fromkeys(combined(3, (1,)), single / 3), **dict.fromkeys(more, (1 - single) / len(more))}
    assert p_value(draws(3, "uniform", single), expected) > UNLIKELY


def test_a_raised_chance_leaves_the_order_of_size_first_alone() -> None:
    rest = {2: list(permutations(range(3), 2)), 3: list(permutations(range(3), 3))}
    expected = {(index,): 0.8 / 3 for index in range(3)}
    expected |= {subset: 0.1 / len(found) for found in rest.values() for subset in found}
    assert p_value(draws(3, "size-first", 0.8), expected) > UNLIKELY


def test_the_only_concept_is_always_alone() -> None:
    assert set(draws(1, "uniform", 0.0)) == {(0,)}


@given(
    st.integers(1, 8),
    st.sampled_from(["uniform", "size-first", "all"]),
    st.none() | st.floats(0, 1),
    st.integers(0, 2**32),
)
def test_a_subset_is_never_empty_and_names_no_concept_twice(
    count: int, subsets: Subsets, single: float | None, seed: int
) -> None:
    subset = choose_subset(count, subsets, np.random.default_rng(seed), single)
    assert 1 <= len(subset) <= count
    assert len(set(subset)) == len(subset)
    assert set(subset) <= set(range(count))


def test_concepts_of_several_pictures_are_never_mixed_and_each_is_seen_as_often(scene: Scene) -> None:
    other = np.full_like(scene.picture, 7)
    third = replace(scene.concepts[0], handle="[v3]", picture=1)
    several = replace(scene, concepts=(*scene.concepts, third), more=(other,))
    rng = np.random.default_rng(0)
    samples = [SceneSamples("all", flip=0.0).draw(several, rng) for _ in range(DRAWS)]
    counted = Counter(sample.subset for sample in samples)
    assert p_value(counted, {(0, 1): 2 / 3, (2,): 1 / 3}) > UNLIKELY
    for sample in samples[:20]:
        np.testing.assert_array_equal(sample.picture, other if sample.subset == (2,) else scene.picture)


def test_a_method_may_speak_of_concepts_in_its_own_words(scene: Scene) -> None:
    part = replace(scene, concepts=(scene.concepts[0], replace(scene.concepts[1], object="awning")))
    text_template = TextTemplate("{tokens}", "{a_object} with {handle} style")
    sample = SceneSamples("all", 0.0, text_template=text_template).draw(part, np.random.default_rng(0))
    assert sample.text == "a cat with [v1] style and an awning with [v2] style"
    prompt = Prompt("a photo of {tokens} at the beach", (1,))
    assert text_template.prompt_text(part, prompt) == "a photo of an awning with [v2] style at the beach"
    assert TextTemplate().prompt_text(part, prompt) == part.text_with_handles(prompt)
    assert TextTemplate("{tokens}", "{handle}, {a_label} or {label}").training_text(part.concepts[1:]) == (
        "[v2], an umbrella or umbrella"
    )


def test_brightness_scales_the_picture_and_nothing_else(scene: Scene) -> None:
    dim = replace(scene, picture=np.full_like(scene.picture, 100))
    rng = np.random.default_rng(0)
    shades = np.array([SceneSamples("all", 0.0, brightness=0.5).draw(dim, rng).picture[0, 0, 0] for _ in range(2000)])
    assert kstest((shades - 50) / 100, "uniform").statistic < 0.04
    bright = replace(scene, picture=np.full_like(scene.picture, 250))
    assert max(SceneSamples("all", 0.0, brightness=0.5).draw(bright, rng).picture.max() for _ in range(20)) == 255


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


def test_soft_masks_are_those_of_the_source_and_the_others_are_not_asked_for_them(scene: Scene) -> None:
    first, second = scene.concepts
    soft = np.where(first.mask, np.uint8(51), np.uint8(0))
    edged = replace(scene, concepts=(replace(first, soft=soft), second))
    kept = SceneSamples("all", flip=1.0, soft=True).draw(edged, np.random.default_rng(0)).masks
    np.testing.assert_allclose(kept[0], first.mask[:, ::-1] * 0.2)
    np.testing.assert_array_equal(kept[1], second.mask[:, ::-1])
    plain = SceneSamples("all", flip=0.0).draw(edged, np.random.default_rng(0)).masks
    assert plain.dtype == np.bool_
    np.testing.assert_array_equal(plain[0], first.mask)


def test_a_flip_turns_picture_and_masks_together(scene: Scene) -> None:
    sample = SceneSamples("uniform", flip=1.0).draw(scene, np.random.default_rng(0))
    np.testing.assert_array_equal(sample.picture, scene.picture[:, ::-1])
    for mask, index in zip(sample.masks, sample.subset, strict=True):
        np.testing.assert_array_equal(mask, scene.concepts[index].mask[:, ::-1])


def test_flips_come_with_their_probability(scene: Scene) -> None:
    rng = np.random.default_rng(0)
    drawn = [SceneSamples("uniform", flip=0.25).draw(scene, rng) for _ in range(2000)]
    flipped = [np.array_equal(sample.picture, scene.picture[:, ::-1]) for sample in drawn]
    assert flipped == [sample.flipped for sample in drawn]
    assert binomtest(sum(flipped), len(flipped), 0.25).pvalue > UNLIKELY


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


def test_the_collection_draws_subsets_colours_and_flips_evenly(scene: Scene) -> None:
    rng = np.random.default_rng(0)
    samples = [CollectionSamples().draw(scene, rng) for _ in range(3000)]
    subsets = Counter(sample.subset for sample in samples)
    assert p_value(subsets, dict.fromkeys([(0,), (1,), (0, 1)], 1 / 3)) > UNLIKELY
    assert binomtest(sum(sample.flipped for sample in samples), len(samples), 0.5).pvalue > UNLIKELY
    corners = np.array([sample.picture[0, 0] for sample in samples])  # outside every mask
    for channel in corners.T:
        assert chisquare(np.bincount(channel // 32, minlength=8)).pvalue > UNLIKELY
