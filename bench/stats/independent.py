"""Tests for independent samples, as Break-A-Scene uses them (B.3): Kruskal-Wallis and Tukey's HSD."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import scipy

from bench.stats.intervals import Interval
from bench.stats.results import TUKEY_FLOOR, Overall, Pair, Unit
from bench.stats.scene_means import Floats

KRUSKAL_WALLIS = "Kruskal-Wallis"
TUKEY = "Tukey HSD"
TUKEY_INTERVAL = "Tukey HSD, simultaneous"


@dataclass(frozen=True)
class Moments:
    """What a paper's table gives of one method: the mean of `n` values, their standard deviation and variance.

    Both spreads have the denominator n - 1, and are NaN below 2 values. Break-A-Scene's Table 4 prints the deviation
    and calls it the variance: both are named here.
    """

    method: str
    metric: str
    n: int
    mean: float
    deviation: float
    variance: float


def moments(method: str, metric: str, values: Floats) -> Moments:
    """Mean and spreads of one method's values, float [n], none of them NaN."""
    n = len(values)
    mean = float(values.mean()) if n else math.nan
    variance = float(values.var(ddof=1)) if n > 1 else math.nan
    return Moments(method, metric, n, mean, math.sqrt(variance), variance)


def kruskal_wallis(groups: Sequence[Floats], unit: Unit = "pictures") -> Overall:
    """Whether groups, each float [n], have one distribution (Kruskal and Wallis 1952; ties corrected)."""
    n = min((len(group) for group in groups), default=0)
    if reason := _hindrance(groups):
        return Overall(KRUSKAL_WALLIS, unit, n, None, None, reason)
    statistic = float(scipy.stats.kruskal(*groups).statistic)
    return Overall(KRUSKAL_WALLIS, unit, n, statistic, log10_chi2_tail(statistic, len(groups) - 1))


def tukey(names: Sequence[str], groups: Sequence[Floats], unit: Unit = "pictures") -> tuple[Pair, ...]:
    """Tukey's honestly significant difference of each pair of groups, each float [n] (Tukey 1949).

    Groups of different sizes are compared as Kramer (1956) does; the intervals hold for all pairs together.
    """
    reason = _hindrance(groups) or ("every method has one value only" if _no_spread(groups) else "")
    result = None if reason else scipy.stats.tukey_hsd(*groups)
    pairs = []
    for i, j in combinations(range(len(names)), 2):
        n = min(len(groups[i]), len(groups[j]))
        effect = float(groups[i].mean() - groups[j].mean()) if n else math.nan
        interval, p = _tukey_of(result, (i, j), n) if result is not None else (None, None)
        pairs.append(Pair(names[i], names[j], TUKEY, unit, n, effect, interval, p, reason, TUKEY_FLOOR))
    return tuple(pairs)


def log10_chi2_tail(statistic: float, degrees: int) -> float:
    """log10 of P(chi-squared with `degrees` > statistic), also where the probability underflows.

    scipy's logsf is -inf above about 1,480. There the upper incomplete gamma function's asymptotic series is
    exact to rounding (DLMF 8.11.2); for even degrees it ends, and is the closed form.
    """
    log_tail = float(scipy.stats.chi2.logsf(statistic, degrees))
    if not math.isfinite(log_tail):
        log_tail = _asymptotic(degrees / 2, statistic / 2)
    return log_tail / math.log(10)


def _tukey_of(result: Any, pair: tuple[int, int], n: int) -> tuple[Interval, float]:
    bounds = result.confidence_interval(0.95)
    interval = Interval(float(bounds.low[pair]), float(bounds.high[pair]), 0.95, TUKEY_INTERVAL, n)
    return interval, float(result.pvalue[pair])


def _asymptotic(a: float, x: float) -> float:
    """log Q(a, x) for x much larger than a: x^(a-1) e^-x / Gamma(a) * sum of (a-1)...(a-k) / x^k."""
    total = term = 1.0
    k = 1
    while abs(term) > 1e-17 * abs(total):
        term *= (a - k) / x
        total += term
        k += 1
    return (a - 1) * math.log(x) - x - math.lgamma(a) + math.log(total)


def _hindrance(groups: Sequence[Floats]) -> str:
    """Why there is nothing to test, or an empty string."""
    if len(groups) < 2:
        return "one method: nothing to compare"
    if min(len(group) for group in groups) < 2:
        return "fewer than 2 common values a method"
    if np.ptp(np.concatenate(groups)) == 0:
        return "all values are equal"
    return ""


def _no_spread(groups: Sequence[Floats]) -> bool:
    return all(np.ptp(group) == 0 for group in groups)
