import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.stats.front import (
    dominance,
    front_probabilities,
    hypervolume,
    hypervolume_interval,
    measure_front,
    plausible_means,
)
from bench.stats.intervals import mean_interval
from bench.stats.pareto import non_dominated

points = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8)


def scenes(n: int, means: list[tuple[float, float]], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.array(means) + rng.normal(scale=0.02, size=(n, len(means), 2)) + rng.normal(scale=0.05, size=(n, 1, 2))


def test_hypervolume_by_hand() -> None:
    # A staircase of three unit steps; the point behind it and the one at the reference add nothing.
    assert hypervolume(np.array([(1, 3), (2, 2), (3, 1), (1, 1), (0, 9)], float)) == pytest.approx(3 + 2 + 1)
    assert hypervolume(np.array([(0.5, 0.4), (-1, 2), (math.nan, 1)])) == pytest.approx(0.2)
    assert hypervolume(np.empty((0, 2))) == 0


@given(points)
def test_hypervolume_is_the_share_of_a_grid_below_some_point(values: list[tuple[int, int]]) -> None:
    cells = [(x, y) for x in range(5) for y in range(5)]
    below = sum(any(px > x and py > y for px, py in values) for x, y in cells)
    assert hypervolume(np.array(values, float)) == pytest.approx(below)


def test_plausible_means_have_students_quantiles() -> None:
    values = scenes(8, [(0.3, 0.6), (0.4, 0.5)])
    drawn = plausible_means(values, draws=100_000)
    interval = mean_interval(values[:, 1, 0])
    assert interval is not None
    low, high = np.quantile(drawn[:, 1, 0], [0.025, 0.975])
    assert (low, high) == pytest.approx((interval.low, interval.high), abs=0.001)
    differences = values[:, 0, 1] - values[:, 1, 1]
    paired = stats.t.interval(0.95, 7, loc=differences.mean(), scale=stats.sem(differences))
    assert np.quantile(drawn[:, 0, 1] - drawn[:, 1, 1], [0.025, 0.975]) == pytest.approx(paired, abs=0.001)


def test_probabilities_of_a_clear_front() -> None:
    values = scenes(20, [(0.2, 0.9), (0.9, 0.2), (0.1, 0.1)])
    assert front_probabilities(values) == pytest.approx([1, 1, 0], abs=0.001)


def test_two_methods_that_differ_in_one_metric_only() -> None:
    # Far apart in the first metric: the worse one is on the front as often as it is better in the second.
    values = scenes(10, [(0.9, 0.5), (0.1, 0.5)], seed=3)
    differences = values[:, 1, 1] - values[:, 0, 1]
    expected = stats.t.sf(-differences.mean() / stats.sem(differences), 9)
    first, second = front_probabilities(values)
    assert first == 1
    assert second == pytest.approx(expected, abs=0.02)


def test_somebody_is_always_on_the_front() -> None:
    values = scenes(6, [(0.5, 0.5)] * 4)
    drawn = plausible_means(values, draws=50)
    assert all(non_dominated(draw).any() for draw in drawn)
    assert sum(front_probabilities(values)) >= 1


def test_the_hypervolumes_interval_lies_between_the_corners_of_a_box() -> None:
    values = scenes(12, [(0.3, 0.6)])
    hypervolume = hypervolume_interval(values)
    x, y = (mean_interval(values[:, 0, axis], level=0.975) for axis in (0, 1))
    assert x is not None
    assert y is not None
    assert hypervolume.value == pytest.approx(values[:, 0, 0].mean() * values[:, 0, 1].mean())
    assert hypervolume.interval is not None
    assert (hypervolume.interval.low, hypervolume.interval.high) == pytest.approx((x.low * y.low, x.high * y.high))
    assert hypervolume_interval(values[:3]).interval is None


def test_dominance_needs_every_metric() -> None:
    ahead = np.zeros((6, 2, 2))
    ahead[:, 0] = np.arange(1, 7)[:, None]
    first, second = dominance({("a", "b"): ahead})
    # Six scenes all for a: one-sided p is 1 / 64 in both metrics; Holm doubles the lesser of two pairs.
    assert (first.first, first.second) == ("a", "b")
    assert first.p == pytest.approx(2 / 64)
    assert second.p == 1
    mixed = ahead.copy()
    mixed[:, 0, 1] = 0
    assert [pair.p for pair in dominance({("a", "b"): mixed})] == [1, 1]


def test_few_scenes_have_reasons_instead() -> None:
    values = scenes(3, [(0.3, 0.6), (0.4, 0.5)])
    front = measure_front(["a", "b"], values, {("a", "b"): values})
    assert front.probabilities is None
    assert front.hypervolume.interval is None
    assert "no test below 4" in front.dominance[0].p_text
    assert front.n_scenes == 3


def test_the_same_scenes_give_the_same_probabilities() -> None:
    values = scenes(7, [(0.5, 0.5), (0.5, 0.5)])
    assert front_probabilities(values) == front_probabilities(values.copy())
