import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bench.stats.pareto import non_dominated

points = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12)


def test_front_by_hand() -> None:
    # As in Break-A-Scene's Figure 5: two extremes, one in between on the front, one behind it.
    assert non_dominated([(0.2, 0.9), (0.5, 0.5), (0.9, 0.1), (0.4, 0.4)]).tolist() == [
        True,
        True,
        True,
        False,
    ]


def test_equal_points_share_the_front_and_ties_in_one_metric_are_beaten() -> None:
    assert non_dominated([(1, 1), (1, 1), (1, 0)]).tolist() == [True, True, False]


def test_a_point_with_nan_is_not_in_the_set_and_beats_nobody() -> None:
    assert non_dominated([(math.nan, 1), (0, 0), (2, math.nan)]).tolist() == [False, True, False]


def test_no_points() -> None:
    assert non_dominated(np.zeros((0, 2))).tolist() == []


@given(points)
def test_every_point_outside_is_beaten_by_one_inside_and_none_inside_is(
    values: list[tuple[int, int]],
) -> None:
    front = non_dominated(values)
    assert front.any()

    def beats(a: tuple[int, int], b: tuple[int, int]) -> bool:
        return a[0] >= b[0] and a[1] >= b[1] and a != b

    inside = [point for point, flag in zip(values, front, strict=True) if flag]
    for point, flag in zip(values, front, strict=True):
        assert any(beats(other, point) for other in inside) is not bool(flag)


@given(points)
def test_order_does_not_matter(values: list[tuple[int, int]]) -> None:
    order = np.random.default_rng(len(values)).permutation(len(values))
    shuffled = [values[index] for index in order]
    assert non_dominated(shuffled).tolist() == non_dominated(values)[order].tolist()
