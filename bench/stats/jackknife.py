"""Intervals of what is no mean over scenes (correlations, effect sizes, fitted strengths), by leaving scenes out."""

from __future__ import annotations

import math

import numpy as np

from bench.stats.intervals import FEWEST, UNLIMITED, Interval, student_quantile
from bench.stats.scene_means import Floats

JACKKNIFE = "Student t, jackknife"


def jackknife_interval(
    estimate: float, without: Floats, limits: tuple[float, float] = UNLIMITED, level: float = 0.95
) -> Interval | None:
    """The interval of an estimate from its values without each scene in turn, float [scenes].

    The jackknife's standard error (Tukey 1958; Efron and Tibshirani 1993, equation 11.5) with Student's t, `scenes` - 1
    degrees of freedom. None below 4 scenes and where the estimate is undefined without one of them (NaN).
    """
    n = len(without)
    if n < FEWEST or not np.isfinite([estimate, *without]).all():
        return None
    error = math.sqrt((n - 1) / n * float(((without - without.mean()) ** 2).sum()))
    reach = student_quantile((1 + level) / 2, n - 1) * error
    return Interval(max(estimate - reach, limits[0]), min(estimate + reach, limits[1]), level, JACKKNIFE, n)


def correlation_interval(estimate: float, without: Floats, level: float = 0.95) -> Interval | None:
    """As `jackknife_interval`, for a correlation: on Fisher's scale artanh(r), so that it stays within -1 and 1.

    None as well for a correlation of -1 or 1, which has no place on that scale.
    """
    if not (np.abs([estimate, *without]) < 1).all():
        return None
    interval = jackknife_interval(math.atanh(estimate), np.arctanh(without), level=level)
    if interval is None:
        return None
    return Interval(math.tanh(interval.low), math.tanh(interval.high), level, JACKKNIFE, interval.n)
