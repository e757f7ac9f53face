import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.stats.effects import cliffs_delta, improvement, win_share

few = st.lists(st.integers(0, 5).map(float), min_size=2, max_size=8)


def test_cliffs_delta_by_hand() -> None:
    # Nine pairs: one above (3 > 2), two equal, six below.
    delta, _ = cliffs_delta(np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0]))
    assert delta == pytest.approx(-5 / 9)


def test_cliffs_delta_is_mann_whitneys_u() -> None:
    first, second = np.random.default_rng(0).normal([[0.4], [0.0]], size=(2, 20))
    delta, interval = cliffs_delta(first, second)
    u = stats.mannwhitneyu(first, second).statistic
    assert delta == pytest.approx(2 * u / 400 - 1)
    assert interval is not None
    assert interval.low < delta < interval.high


def test_cliffs_interval_leaves_one_scene_out_of_both() -> None:
    first, second = np.random.default_rng(1).normal(size=(2, 15))
    left = [cliffs_delta(np.delete(first, k), np.delete(second, k))[0] for k in range(15)]
    _, interval = cliffs_delta(first, second)
    spread = np.std(left) * math.sqrt(14)
    assert interval is not None
    assert (interval.high - interval.low) / 2 == pytest.approx(stats.t.ppf(0.975, 14) * spread)


def test_improvement_is_within_scenes_and_scenes_count_once() -> None:
    # Scene 1: three of four pairs won. Scene 2: one pair, tied. Levels of scenes do not matter.
    value, interval = improvement([np.array([1.0, 3.0]), np.array([50.0])], [np.array([0.0, 2.0]), np.array([50.0])])
    assert value == pytest.approx((0.75 + 0.5) / 2)
    assert interval is None


def test_nothing_to_compare_is_nan() -> None:
    assert math.isnan(cliffs_delta(np.empty(0), np.empty(0))[0])
    assert math.isnan(improvement([], [])[0])


@given(few, few)
def test_exchanging_the_methods_turns_the_sign(first: list[float], second: list[float]) -> None:
    n = min(len(first), len(second))
    a, b = np.array(first[:n]), np.array(second[:n])
    assert cliffs_delta(a, b)[0] == pytest.approx(-cliffs_delta(b, a)[0])
    assert win_share(a, b) == pytest.approx(1 - win_share(b, a))
    assert -1 <= cliffs_delta(a, b)[0] <= 1
