"""Equivalence of paired differences."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.weightstats import ttost_paired

from bench.stats.equivalence import tost


@pytest.mark.parametrize("margin", [0.01, 0.05, 0.2, 1.0])
@pytest.mark.parametrize("shift", [-0.15, 0.0, 0.03, 0.5])
def test_it_is_that_of_statsmodels(margin: float, shift: float) -> None:
    rng = np.random.default_rng(3)
    first = rng.normal(0.5, 0.1, 12)
    second = first + rng.normal(shift, 0.05, 12)
    assert tost(first - second, margin) == pytest.approx(ttost_paired(first, second, -margin, margin)[0], rel=1e-9)


def test_differences_by_hand() -> None:
    """Mean 0, standard deviation 1, standard error 1/2: the margin lies two standard errors away, t(3) tail 0.0697."""
    differences = np.sqrt(0.75) * np.array([-1.0, 1.0, -1.0, 1.0])
    assert tost(differences, 1.0) == pytest.approx(0.069663, abs=1e-6)


def test_few_scenes_and_equal_differences() -> None:
    assert tost(np.array([0.1, 0.2, 0.3]), 1.0) is None
    assert tost(np.full(5, 0.01), 0.02) == 0.0
    assert tost(np.full(5, 0.02), 0.02) == 1.0
    assert tost(np.full(5, -0.5), 0.02) == 1.0


@pytest.mark.parametrize("margin", [0.0, -1.0, float("nan")])
def test_a_margin_is_above_zero(margin: float) -> None:
    with pytest.raises(ValueError, match="not above 0"):
        tost(np.arange(5.0), margin)
