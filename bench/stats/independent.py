"""Tests for independent samples, as Break-A-Scene uses them (B.3): Kruskal-Wallis and Tukey's HSD."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import scipy

from bench.stats.intervals import Interval
from bench.stats.results import TUKEY_FLOOR, Overall, Pair, Unit
from bench.stats.scene_means import Floats
from bench.stats.studentized_range import critical_range, studentized_range_tail

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
    pairs = list(combinations(range(len(names)), 2))
    sizes = [len(group) for group in groups]
    effects = [float(groups[i].mean() - groups[j].mean()) if min(sizes[i], sizes[j]) else math.nan for i, j in pairs]
    tested = [(None, None)] * len(pairs) if reason else _tukey_of(groups, pairs, effects)
    return tuple(
        Pair(names[i], names[j], TUKEY, unit, min(sizes[i], sizes[j]), effect, interval, p, reason, TUKEY_FLOOR)
        for (i, j), effect, (interval, p) in zip(pairs, effects, tested, strict=True)
    )


def log10_chi2_tail(statistic: float, degrees: int) -> float:
    """log10 of P(chi-squared with `degrees` > statistic), also where the probability underflows.

    scipy's logsf is -inf above about 1,480. There the upper incomplete gamma function's asymptotic series is
    exact to rounding (DLMF 8.11.2); for even degrees it ends, and is the closed form.
    """
    log_tail = float(scipy.stats.chi2.logsf(statistic, degrees))
    if not math.isfinite(log_tail):
        log_tail = _asymptotic(degrees / 2, statistic / 2)
    return log_tail / math.log(10)


def _tukey_of(
    groups: Sequence[Floats], pairs: Sequence[tuple[int, int]], effects: Sequence[float]
) -> list[tuple[Interval | None, float | None]]:
    """The interval and p value of each pair's difference of means (its effect)."""
    sizes = np.array([len(group) for group in groups])
    degrees = int(sizes.sum()) - len(groups)
    variance = sum(float(((group - group.mean()) ** 2).sum()) for group in groups) / degrees
    errors = np.array([math.sqrt(variance / 2 * (1 / sizes[i] + 1 / sizes[j])) for i, j in pairs])
    p = studentized_range_tail(np.abs(effects) / errors, len(groups), degrees)
    reaches = critical_range(0.95, len(groups), degrees) * errors
    return [
        (Interval(effect - reach, effect + reach, 0.95, TUKEY_INTERVAL, int(min(sizes[i], sizes[j]))), float(value))
        for (i, j), effect, reach, value in zip(pairs, effects, reaches.tolist(), p, strict=True)
    ]


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
