import math

import numpy as np
import pytest
from scipy import stats

from bench.stats.jackknife import correlation_interval, jackknife_interval


def test_of_a_mean_it_is_students_interval() -> None:
    values = np.random.default_rng(0).normal(size=12)
    without = np.array([np.delete(values, row).mean() for row in range(len(values))])
    interval = jackknife_interval(float(values.mean()), without)
    low, high = stats.t.interval(0.95, 11, loc=values.mean(), scale=stats.sem(values))
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((low, high))
    assert interval.n == 12


def test_limits_cut_it_and_few_scenes_or_undefined_values_give_none() -> None:
    interval = jackknife_interval(0.9, np.array([0.8, 0.95, 0.9, 0.95]), (0.0, 1.0))
    assert interval is not None
    assert interval.high == 1.0
    assert jackknife_interval(0.9, np.array([0.8, 0.9, 1.0])) is None
    assert jackknife_interval(0.9, np.array([0.8, 0.9, 1.0, math.nan])) is None


def test_a_correlations_interval_is_symmetric_on_fishers_scale() -> None:
    interval = correlation_interval(0.9, np.array([0.88, 0.93, 0.9, 0.89, 0.91]))
    assert interval is not None
    assert math.atanh(0.9) - math.atanh(interval.low) == pytest.approx(math.atanh(interval.high) - math.atanh(0.9))
    assert -1 < interval.low < interval.high < 1
    assert correlation_interval(1.0, np.ones(6)) is None
