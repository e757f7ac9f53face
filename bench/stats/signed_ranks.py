"""p values of Wilcoxon's signed ranks, as `scipy.stats.wilcoxon` gives them.

scipy goes through all signs of tied ranks one by one, which takes a second for a pair of methods.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import numpy as np
import scipy

from bench.stats.scene_means import Floats

Alternative = Literal["two-sided", "greater"]
MOST_EXACT, MOST_EXACT_TIED = 50, 13
"""Up to so many differences p is exact, without and with ties or zeros; of more it is scipy's normal approximation."""


def signed_rank_p(differences: Floats, alternative: Alternative = "two-sided") -> float:
    """The p value of differences float [n], not all zero (Wilcoxon 1945): zeros are left out, ties share ranks."""
    other = differences[differences != 0]
    _, places, counts = np.unique(np.abs(other), return_inverse=True, return_counts=True)
    tied = len(counts) < len(differences)
    if len(differences) > (MOST_EXACT_TIED if tied else MOST_EXACT):
        found: Any = scipy.stats.wilcoxon(differences, alternative=alternative)
        return float(found.pvalue)
    doubled = (2 * np.cumsum(counts) - (counts - 1))[places]
    below = distribution(tuple(np.sort(doubled).tolist()))
    positive = int(doubled[other > 0].sum())
    at_most, at_least = below[positive], below[len(below) - 1 - positive]
    return float(at_least if alternative == "greater" else min(1.0, 2 * min(at_most, at_least)))


@cache
def distribution(ranks: tuple[int, ...]) -> Floats:
    """P(sum of the positive ranks <= s) for s from 0 to the sum of all, if every sign is as likely.

    It is symmetric: P(sum >= s) is that of the sum of all less s.
    """
    shares = np.ones(1)
    for rank in ranks:
        shares = (np.pad(shares, (0, rank)) + np.pad(shares, (rank, 0))) / 2
    return np.asarray(np.cumsum(shares), dtype=np.float64)
