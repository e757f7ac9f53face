"""Ranks with intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ttest_rel

from bench.stats.ranks import paired_t, rank_intervals, surely_apart

NOISE = np.random.default_rng(0).normal(0, 0.01, (12, 4))


def test_methods_far_apart_have_one_rank_each() -> None:
    values = NOISE + np.array([0.3, 0.9, 0.6, 0.1])
    assert [(one.rank, one.low, one.high) for one in rank_intervals(values)] == [
        (3, 3, 3),
        (1, 1, 1),
        (2, 2, 2),
        (4, 4, 4),
    ]
    assert [one.rank for one in rank_intervals(values, higher_is_better=False)] == [2, 4, 3, 1]


def test_methods_that_cannot_be_told_apart_share_an_interval() -> None:
    values = NOISE + np.array([0.9, 0.9, 0.1, 0.1])
    found = rank_intervals(values)
    assert [(one.low, one.high) for one in found] == [(1, 2), (1, 2), (3, 4), (3, 4)]
    assert sorted(one.rank for one in found) == [1, 2, 3, 4]


def test_equal_methods_share_the_mean_rank() -> None:
    assert [one.rank for one in rank_intervals(np.ones((6, 2)))] == [1.5, 1.5]


def test_a_method_without_values_has_no_rank() -> None:
    values = np.column_stack([NOISE[:, 0], np.full(12, math.nan), NOISE[:, 1] + 1])
    first, lacking, last = rank_intervals(values)
    assert math.isnan(lacking.rank)
    assert ((first.rank, first.low, first.high), (last.rank, last.low, last.high)) == ((2, 2, 2), (1, 1, 1))


def test_a_pair_rests_on_its_common_scenes_and_few_say_nothing() -> None:
    values = NOISE + np.array([0.0, 5.0, 9.0, 9.0])
    values[3:, 1] = math.nan
    assert (1, 0) not in surely_apart(values)
    assert (2, 0) in surely_apart(values)


def test_the_test_is_the_paired_t_test() -> None:
    assert paired_t(NOISE[:, 0] - NOISE[:, 1]) == pytest.approx(ttest_rel(NOISE[:, 0], NOISE[:, 1]).pvalue)
    assert (paired_t(np.zeros(5)), paired_t(np.ones(5))) == (1.0, 0.0)


def test_intervals_hold_for_all_methods_together() -> None:
    """Of 60 draws of five methods of equal means, nearly all leave every method every rank."""
    rng = np.random.default_rng(5)
    whole = [all((one.low, one.high) == (1, 5) for one in rank_intervals(rng.normal(size=(8, 5)))) for _ in range(60)]
    assert np.mean(whole) > 0.88
