"""Holm's correction of many p values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.stats.scene_means import Floats


def holm(p_values: Sequence[float]) -> Floats:
    """The p values corrected for how many there are, float [n] in their order (Holm 1979).

    Those below a level reject no true hypothesis at all, but with at most the probability of that level. The numbers
    of statsmodels' `multipletests`, which takes a tenth of a second a call: it collects the garbage of the process.
    """
    raw = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(raw)
    corrected = np.empty_like(raw)
    corrected[order] = np.minimum(np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1)), 1.0)
    return corrected
