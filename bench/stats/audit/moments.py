"""Tests from means, spreads and counts alone, and how far rounding can have moved them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from bench.stats.audit.tables import Printed
from bench.stats.independent import log10_chi2_tail
from bench.stats.results import TUKEY_FLOOR, format_log10
from bench.stats.scene_means import Floats

_LEAST_SHARE = 1e-9
"""Shares of variance below are noise of the search in `most_even`."""


@dataclass(frozen=True)
class Group:
    """One method: its mean, its standard deviation, and how many values they are of."""

    mean: Printed
    deviation: Printed
    n: int


@dataclass(frozen=True)
class Derived:
    """log10 of a p value: from the digits as printed, and its least and greatest value that round to them.

    -inf where the p is too small to be told from 0.
    """

    log10: float
    low: float
    high: float

    @property
    def text(self) -> str:
        """The p value to print."""
        return format_log10(self.log10) if math.isfinite(self.log10) else f"< {TUKEY_FLOOR:.0e}"


def tukey_from_moments(groups: list[Group], pair: tuple[int, int]) -> Derived:
    """Tukey's (Kramer's) p of two of the groups."""
    first, second = (groups[index] for index in pair)
    gap = abs(first.mean.value - second.mean.value)
    slack = first.mean.half + second.mean.half
    degrees = sum(group.n for group in groups) - len(groups)

    def log10_p(difference: float, error: float) -> float:
        if error == 0:
            return -math.inf if difference else 0.0
        statistic = difference / math.sqrt(error / 2 * (1 / first.n + 1 / second.n))
        return log10_range_tail(statistic, len(groups), degrees)

    at = [_error(_deviations(groups, end), groups) for end in ("value", "low", "high")]
    return Derived(log10_p(gap, at[0]), log10_p(gap + slack, at[1]), log10_p(max(gap - slack, 0.0), at[2]))


def log10_range_tail(statistic: float, groups: int, degrees: float) -> float:
    """log10 of P(studentized range > statistic); -inf below 1e-10, where it has rounding errors."""
    p = float(stats.studentized_range.sf(statistic, groups, degrees))
    return math.log10(p) if p >= TUKEY_FLOOR else -math.inf


def kruskal_wallis_from_moments(groups: list[Group], scale: tuple[int, int] | None) -> Derived:
    """Kruskal-Wallis' p, about: of ratings on `scale` spread as evenly as the means and deviations allow.

    Without a scale the values stand for their ranks. Rounding moves the means apart or together.
    """
    middle = sum(group.n * group.mean.value for group in groups) / sum(group.n for group in groups)
    together = [min(max(middle, group.mean.low), group.mean.high) for group in groups]
    moved = {"value": [group.mean.value for group in groups], "low": _apart(groups, middle), "high": together}
    ends = [_kruskal_wallis(means, _deviations(groups, end), groups, scale) for end, means in moved.items()]
    return Derived(*ends)


def _apart(groups: list[Group], middle: float) -> list[float]:
    """The means as far from each other as they round to: of those that may lie at the middle half go either way."""
    means = [group.mean for group in groups]
    order = sorted(range(len(means)), key=lambda index: means[index].value)
    undecided = [index for index in order if means[index].low <= middle <= means[index].high]
    below = [mean.high < middle for mean in means]
    for place, index in enumerate(undecided):
        below[index] = place < (len(undecided) + (means[index].value < middle)) // 2
    return [mean.low if lower else mean.high for mean, lower in zip(means, below, strict=True)]


def least_count(groups: list[Group], scale: tuple[int, int] | None, log10_p: float) -> int | None:
    """How many values a method Kruskal-Wallis needs, about, to give a p that small with these means and deviations.

    None where no number is enough, as the methods do not differ.
    """
    share = _explained([g.mean.value for g in groups], _deviations(groups, "value"), groups, scale)
    if share < _LEAST_SHARE:
        return None
    needed = float(stats.chi2.isf(10.0**log10_p, len(groups) - 1))
    return math.ceil((needed / share + 1) / len(groups))


def most_even(mean: float, deviation: float, scale: tuple[int, int]) -> Floats:
    """The chances of the ratings on a scale, of greatest entropy with that mean and deviation: float [ratings].

    They have the form exp(a r + b r^2). Where no ratings on the scale have them, the nearest mean and deviation that
    ratings can have are taken (rounding can carry printed ones past the ends).
    """
    ratings = np.arange(scale[0], scale[1] + 1, dtype=np.float64)
    mean = min(max(mean, scale[0] + 0.01), scale[1] - 0.01)
    least, most = (mean % 1) * (1 - mean % 1), (mean - scale[0]) * (scale[1] - mean)
    deviation = math.sqrt(min(max(deviation**2, least + 0.01 * (most - least)), most - 0.01 * (most - least)))
    features = np.stack([ratings - mean, (ratings - mean) ** 2 - deviation**2])

    def loss(weights: Floats) -> float:
        return float(np.logaddexp.reduce(weights @ features))

    weights = np.asarray(optimize.minimize(loss, np.zeros(2), method="BFGS").x, dtype=np.float64)
    chances = np.exp(weights @ features - loss(weights))
    return np.asarray(chances, dtype=np.float64)


def feasible(mean: Printed, deviation: Printed, scale: tuple[int, int]) -> bool:
    """Whether ratings on the scale can have that mean and deviation: it is greatest if all are at the ends."""
    if mean.high < scale[0] or mean.low > scale[1]:
        return False
    middle = sum(scale) / 2
    nearest = min(max(middle, mean.low), mean.high)
    return max(deviation.low, 0.0) ** 2 <= (nearest - scale[0]) * (scale[1] - nearest) + 1e-9


def _deviations(groups: list[Group], end: str) -> list[float]:
    """The groups' deviations: "value", "low" or "high"; one printed as 0 is not below it."""
    return [max(getattr(group.deviation, end), 0.0) for group in groups]


def _error(deviations: list[float], groups: list[Group]) -> float:
    """The mean square within groups."""
    degrees = [group.n - 1 for group in groups]
    squares = sum(d * deviation**2 for d, deviation in zip(degrees, deviations, strict=True))
    return squares / sum(degrees)


def _kruskal_wallis(
    means: list[float], deviations: list[float], groups: list[Group], scale: tuple[int, int] | None
) -> float:
    total = sum(group.n for group in groups)
    share = _explained(means, deviations, groups, scale)
    return log10_chi2_tail((total - 1) * share, len(groups) - 1)


def _explained(
    means: list[float], deviations: list[float], groups: list[Group], scale: tuple[int, int] | None
) -> float:
    """The share of the variance of ranks (of values, without a scale) that lies between groups."""
    weights = np.array([group.n for group in groups], dtype=np.float64)
    weights /= weights.sum()
    if scale is None:
        centres, inner = np.array(means), np.array(deviations) ** 2
    else:
        chances = np.stack([most_even(m, d, scale) for m, d in zip(means, deviations, strict=True)])
        pooled = weights @ chances
        ranks = np.cumsum(pooled) - pooled / 2
        centres = chances @ ranks
        inner = chances @ ranks**2 - centres**2
    if not np.ptp(centres):
        return 0.0  # also where nothing spreads, and rounding noise would be all that is left
    between = float(weights @ (centres - weights @ centres) ** 2)
    return between / (between + float(weights @ inner))
