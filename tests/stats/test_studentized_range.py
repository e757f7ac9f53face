"""The studentized range is scipy's, one value at a time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.stats.studentized_range import critical_range, studentized_range_tail


@pytest.mark.parametrize(("groups", "degrees"), [(2, 3), (3, 10), (6, 60), (18, 1782)])
def test_the_tail_is_scipys(groups: int, degrees: int) -> None:
    values = np.array([0.0, 0.5, 3.0, 6.0])
    expected = stats.studentized_range.sf(values, groups, degrees)
    assert studentized_range_tail(values, groups, degrees) == pytest.approx(expected, rel=1e-6, abs=1e-11)


def test_two_groups_are_students_t() -> None:
    values = np.array([0.1, 1.0, 4.0, 20.0])
    expected = 2 * stats.t.sf(values / np.sqrt(2), 7)
    assert studentized_range_tail(values, 2, 7) == pytest.approx(expected, rel=1e-9)


def test_the_critical_value_is_that_of_the_tables() -> None:
    """Of 5 % for 3 groups and 10 degrees of freedom: 3.877."""
    assert critical_range(0.95, 3, 10) == pytest.approx(3.877, abs=5e-4)


def test_no_value_has_no_tail() -> None:
    assert studentized_range_tail(np.empty(0), 3, 10).shape == (0,)
