"""Wilcoxon's p values are scipy's, whatever ties and zeros there are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.stats.signed_ranks import Alternative, signed_rank_p


@pytest.mark.parametrize("alternative", ["two-sided", "greater"])
@pytest.mark.parametrize("n", [4, 7, 10, 14, 50, 60])
@pytest.mark.parametrize("digits", [12, 1])
def test_p_is_scipys(n: int, digits: int, alternative: Alternative) -> None:
    """Rounded to one digit, differences have ties and zeros; of few, scipy tries all signs."""
    differences = np.round(np.random.default_rng(n).normal(0.1, 0.2, n), digits)
    assert signed_rank_p(differences, alternative) == pytest.approx(
        stats.wilcoxon(differences, alternative=alternative).pvalue, rel=1e-9
    )


def test_one_sign_throughout_by_hand() -> None:
    assert signed_rank_p(np.arange(1.0, 9.0)) == pytest.approx(2 / 2**8)
    assert signed_rank_p(np.array([1.0, 1.0, 1.0, 0.0, 1.0])) == pytest.approx(2 / 2**4), "the zero is left out"
    assert signed_rank_p(-np.arange(1.0, 9.0), "greater") == 1.0
