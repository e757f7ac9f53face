"""Holm's correction of many p values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.stats.scene_means import Floats


def holm(p_values: Sequence[float]) -> Floats:
    """The p values corrected for how many there are, float [n] in their order (Holm 1979).

    Those below a level reject no true hypothesis at all, but with at most the probability of that level.
    """
    from statsmodels.stats.multitest import multipletests  # noqa: PLC0415 - slow to import

    return np.asarray(multipletests(p_values, method="holm")[1] if len(p_values) else [], dtype=np.float64)
