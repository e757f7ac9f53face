"""Intervals of rates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from bench.stats.rates import jeffreys_interval, rate_interval


@pytest.mark.parametrize(("found", "n"), [(1, 4), (7, 10), (50, 108)])
def test_it_is_that_of_statsmodels(found: int, n: int) -> None:
    assert jeffreys_interval(found, n) == pytest.approx(proportion_confint(found, n, method="jeffreys"), rel=1e-9)


def test_the_published_table() -> None:
    """Brown, Cai and DasGupta (2001), table 5: n = 10, x = 1 gives [.011, .381]; x = 0 gives [0, .217]."""
    assert jeffreys_interval(1, 10) == pytest.approx((0.011, 0.381), abs=6e-4)
    assert jeffreys_interval(0, 10) == pytest.approx((0.0, 0.217), abs=6e-4)
    assert jeffreys_interval(10, 10) == pytest.approx((0.783, 1.0), abs=6e-4)


def test_scenes_that_are_all_or_nothing_count_once() -> None:
    values, scenes = np.repeat([1.0, 0.0, 1.0, 1.0], 20), pd.Series(np.repeat(list("abcd"), 20))
    interval = rate_interval(values, scenes)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx(jeffreys_interval(3, 4))
    assert interval.n == 4


def test_everything_found_is_no_certainty() -> None:
    interval = rate_interval(np.ones(60), pd.Series(np.repeat(list("abc"), 20)))
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx(jeffreys_interval(3, 3))


def test_independent_values_count_in_full() -> None:
    values, scenes = np.tile([0.0, 1.0], 30), pd.Series(np.repeat(list("abcdef"), 10))
    interval = rate_interval(values, scenes)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx(jeffreys_interval(30, 60))
    assert rate_interval(np.empty(0), pd.Series([], dtype=str)) is None
