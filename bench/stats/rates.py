"""Intervals of rates: Bayesian, so that they also hold where everything or nothing was found."""

from __future__ import annotations

import math

import pandas as pd
import scipy

from bench.stats.design import intraclass_correlation
from bench.stats.intervals import Interval
from bench.stats.scene_means import Floats

JEFFREYS = "Jeffreys"


def jeffreys_interval(found: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """The equal-tailed interval of a rate under Jeffreys' prior, Beta(1/2, 1/2), given `found` of `n`.

    0 is its lower end if nothing was found, 1 its upper end if all was (Brown, Cai and DasGupta 2001, section 3.1.2).
    """
    tail = (1 - level) / 2
    low, high = (scipy.stats.beta.ppf(end, found + 0.5, n - found + 0.5) for end in (tail, 1 - tail))
    return 0.0 if found <= 0 else float(low), 1.0 if found >= n else float(high)


def rate_interval(values: Floats, scenes: pd.Series[str], level: float = 0.95) -> Interval | None:
    """The interval of the rate of 0 and 1 values, float [n], of scenes (their names, [n]): any number of scenes.

    Values of one scene resemble each other, so they count as their effective sample size (Franco, Little, Louis and
    Slud 2019), as many as there are scenes where nothing varies or that cannot be told. None without values.
    """
    if not len(values):
        return None
    correlation = intraclass_correlation(values, scenes)
    clusters = int(scenes.nunique())
    effective = clusters if math.isnan(correlation.effective) else max(float(clusters), correlation.effective)
    rate = float(values.mean())
    low, high = jeffreys_interval(rate * effective, effective, level)
    return Interval(low, high, level, JEFFREYS, clusters)
