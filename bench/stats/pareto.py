"""The Pareto front of methods."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.stats.scene_means import Floats


def non_dominated(points: ArrayLike) -> NDArray[np.bool_]:
    """Which points no other beats, bool [N]; points are [N, metrics], every metric to be maximised.

    A point beats another if it is at least as good in every metric and better in one; equal points do not
    beat each other. A point with a NaN is never in the set and beats nobody.
    """
    values: Floats = np.asarray(points, dtype=np.float64)
    whole: NDArray[np.bool_] = np.asarray(~np.isnan(values).any(axis=1))
    at_least = (values[:, None] >= values[None]).all(axis=2)
    better = (values[:, None] > values[None]).any(axis=2)
    beaten = (at_least & better & whole[:, None]).any(axis=0)
    return np.asarray(whole & ~beaten)
