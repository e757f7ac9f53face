"""Whether two methods are equivalent: two one-sided t tests of paired differences."""

from __future__ import annotations

import math

import numpy as np
import scipy

from bench.stats.intervals import FEWEST, ROUNDING
from bench.stats.scene_means import Floats


def tost(differences: Floats, margin: float) -> float | None:
    """The p value of the mean of paired differences, float [scenes], lying outside (-margin, margin).

    The larger of two one-sided paired t tests (Schuirmann 1987), as statsmodels' `ttost_paired`; a small one says that
    the mean lies within the margin. None below 4 scenes. Differences that are all equal have no spread: they are within
    the margin (p is 0) or not (1). Raises `ValueError` for a margin that is not above 0.
    """
    if not margin > 0:
        raise ValueError(f"a margin of {margin} is not above 0")
    n = len(differences)
    if n < FEWEST:
        return None
    mean = float(differences.mean())
    if float(np.ptp(differences)) < ROUNDING:
        return 0.0 if abs(mean) < margin else 1.0
    error = float(differences.std(ddof=1)) / math.sqrt(n)
    return float(scipy.stats.t.sf((margin - abs(mean)) / error, n - 1))
