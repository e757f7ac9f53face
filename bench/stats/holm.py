"""Holm's correction of many p values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.stats.scene_means import Floats


def holm(p_values: Sequence[float]) -> Floats:
    """The p values corrected for how many there are, float [n] in their order (Holm 1979).

    Those below a level reject no true hypothesis at all, but with at most the probability of that level.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected
