"""Intraclass correlation, effective sample size and the split of variance."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from bench.stats.design import intraclass_correlation, split_variance

SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)
"""Table 2 of Shrout and Fleiss (1979): six targets, four judges."""


def names(sizes: list[int]) -> pd.Series[str]:
    return pd.Series([f"c{place}" for place, size in enumerate(sizes) for _ in range(size)])


def test_the_published_example() -> None:
    """Their table 4: ICC(1, 1) is .17; the interval is the one that psych and pingouin print, [-.133, .723]."""
    found = intraclass_correlation(SHROUT_FLEISS.ravel(), names([4] * 6))
    assert found.value == pytest.approx(0.166, abs=5e-4)
    assert (found.low, found.high) == (pytest.approx(-0.133, abs=5e-4), pytest.approx(0.723, abs=5e-4))
    assert found.effective == pytest.approx(24 / (1 + 3 * found.value))


def test_clusters_of_equal_values_count_once_each() -> None:
    found = intraclass_correlation(np.repeat([1.0, 2.0, 4.0], 5), names([5, 5, 5]))
    assert (found.value, found.effective) == (1.0, pytest.approx(3.0))


def test_unlike_values_of_a_cluster_count_in_full_and_no_more() -> None:
    found = intraclass_correlation(np.tile([-1.0, 1.0], 6), names([2] * 6))
    assert found.value == pytest.approx(-1.0)
    assert found.effective == 12


@pytest.mark.parametrize("sizes", [[6], [1, 1, 1], []])
def test_too_few_say_nothing(sizes: list[int]) -> None:
    values = np.arange(float(sum(sizes)))
    assert math.isnan(intraclass_correlation(values, names(sizes)).value)


def test_nothing_that_varies_says_nothing() -> None:
    assert math.isnan(intraclass_correlation(np.ones(6), names([3, 3])).effective)


def test_the_split_by_hand() -> None:
    """Two scenes, two prompts each, two samples: mean squares 32 (scenes), 4 (prompts) and 1 (samples) over 8 values.

    Samples 1; prompts (4 - 1) / 2 = 1.5; scenes (32 - 4) / 4 = 7.
    """
    half = math.sqrt(0.5)
    centres = [2 - 1, 2 + 1, -2 - 1, -2 + 1]
    values = np.array([centre + sign * half for centre in centres for sign in (-1, 1)])
    scenes = names([4, 4])
    prompts = pd.Series(["p", "p", "q", "q"] * 2)
    found = split_variance(values, scenes, prompts)
    assert (found.sample, found.prompt, found.scene) == (pytest.approx(1), pytest.approx(1.5), pytest.approx(7))
    assert sum(found.shares) == pytest.approx(1)


def test_without_a_second_sample_the_prompt_holds_both() -> None:
    values = np.array([1.0, 3.0, 5.0, 7.0])
    found = split_variance(values, names([2, 2]), pd.Series(["p", "q", "p", "q"]))
    assert math.isnan(found.sample)
    assert (found.prompt, found.scene) == (pytest.approx(2), pytest.approx((16 - 2) / 2))


def test_parts_are_found_again_in_unequal_designs() -> None:
    rng = np.random.default_rng(0)
    rows = [
        (f"s{s}", f"p{p}", of_scene + of_prompt + rng.normal(0, 0.5))
        for s, of_scene in enumerate(rng.normal(0, 2.0, 400))
        for p, of_prompt in enumerate(rng.normal(0, 1.0, rng.integers(1, 6)))
        for _ in range(rng.integers(1, 4))
    ]
    scenes, prompts, values = (list(column) for column in zip(*rows, strict=True))
    found = split_variance(np.array(values), pd.Series(scenes), pd.Series(prompts))
    assert (found.scene, found.prompt, found.sample) == (
        pytest.approx(4, rel=0.15),
        pytest.approx(1, rel=0.15),
        pytest.approx(0.25, rel=0.1),
    )
