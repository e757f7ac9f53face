"""How many scenes a difference needs for the test that the report makes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy

from bench.stats.intervals import FEWEST
from bench.stats.scene_means import Floats
from bench.stats.signed_ranks import MOST_EXACT, distribution

TARGET = 0.8
MOST = 1_000
"""Beyond so many scenes nobody will go, and the answer is "more"."""
SIMULATIONS = 2_000
CERTAIN = 1_000.0
"""A difference of so many standard deviations or more is seen by any test: no larger one is simulated."""


@dataclass(frozen=True)
class SampleSize:
    """How well one metric tells two methods apart.

    `spread` is the standard deviation of their difference over scenes, `difference` the one asked about, `scenes` how
    many scenes show it with a probability of 80 % (None: more than 1,000, or unknown), `detectable` the least
    difference that the `n` scenes at hand show with that probability (NaN below 4 scenes).
    """

    metric: str
    first: str
    second: str
    n: int
    spread: float
    alpha: float
    difference: float
    scenes: int | None
    detectable: float


def sample_size(
    metric: str, names: tuple[str, str], differences: Floats, target_difference: float, alpha: float
) -> SampleSize:
    """What it takes to show a difference `target_difference`, if scenes differ as `differences`, float [scenes], do."""
    n = len(differences)
    # Equal differences have no spread; that of their floats is rounding noise.
    spread = float(differences.std(ddof=1) if np.ptp(differences) else 0.0) if n >= FEWEST else math.nan
    known = spread > 0
    scenes = scenes_needed(_rounded(min(target_difference / spread, CERTAIN)), alpha) if known else None
    detectable = spread * detectable_ratio(n, alpha) if known else math.nan
    return SampleSize(metric, *names, n, spread, alpha, target_difference, scenes, detectable)


@cache
def power(ratio: float, n: int, alpha: float = 0.05, simulations: int = SIMULATIONS, seed: int = 0) -> float:
    """How often Wilcoxon's signed ranks give p < alpha over `n` scenes whose differences are normal.

    They have mean `ratio` and standard deviation 1. Up to 50 scenes, where the test is exact, by simulation, the same
    `seed` giving the same draws; beyond by the normal approximation of the statistic, which is closer than so many
    simulations are.
    """
    if n > MOST_EXACT:
        return _approximate_power(ratio, n, alpha)
    differences = np.random.default_rng([seed, n]).normal(ratio, 1.0, size=(simulations, n))
    order = np.argsort(np.abs(differences), axis=1)
    sums = (np.take_along_axis(differences, order, axis=1) > 0) @ np.arange(1, n + 1)
    below = distribution(tuple(range(1, n + 1)))
    p = 2 * np.minimum(below, below[::-1])
    return float((p[sums] < alpha).mean())


def _approximate_power(ratio: float, n: int, alpha: float) -> float:
    """By the mean and variance of the sum of positive ranks of such differences (Lehmann 1975, equation 4.28)."""
    one, two = (float(scipy.special.ndtr(math.sqrt(times) * ratio)) for times in (1, 2))
    # P(D + D' > 0 and D + D" > 0) is bivariate normal with correlation 1/2: by Owen's T.
    three = two - 2 * float(scipy.special.owens_t(math.sqrt(2) * ratio, 1 / math.sqrt(3)))
    mean = n * one + n * (n - 1) / 2 * two
    variance = (
        n * one * (1 - one)
        + n * (n - 1) / 2 * (2 * (one - two) ** 2 + 3 * two * (1 - two))
        + n * (n - 1) * (n - 2) * (three - two**2)
    )
    # Without a difference the sum is around `centre`; beyond `reach` from it the test finds one.
    centre, reach = n * (n + 1) / 4, _normal_reach(alpha) * math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    spread = math.sqrt(max(variance, 1e-12))
    above, below = (mean - centre - reach) / spread, (centre - reach - mean) / spread
    return float(scipy.special.ndtr(above) + scipy.special.ndtr(below))


def _normal_reach(alpha: float) -> float:
    return -float(scipy.special.ndtri(alpha / 2))


@cache
def scenes_needed(ratio: float, alpha: float = 0.05, target: float = TARGET) -> int | None:
    """The least number of scenes at which a difference of `ratio` standard deviations has that power; None: > 1,000."""
    normal = (_reach(alpha, target) / ratio) ** 2
    if normal > MOST:
        return None
    # Ranks need at least about as many scenes as a test that knows the spread, and some more where scenes are few.
    low, high = max(FEWEST - 1, int(0.8 * normal)), min(MOST, int(1.5 * normal) + 20)
    if power(ratio, high, alpha) < target:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(ratio, middle, alpha) >= target else (middle, high)
    return high


@cache
def detectable_ratio(n: int, alpha: float = 0.05, target: float = TARGET) -> float:
    """The least difference, in standard deviations, that `n` scenes show with that power, to 2 %.

    NaN where `n` scenes can give no p below alpha at all (Wilcoxon's least p is 2 / 2^n).
    """
    if 2.0 ** (1 - n) >= alpha:
        return math.nan
    normal = _reach(alpha, target) / math.sqrt(n)
    low, high = 0.8 * normal, 20 * normal
    while high / low > 1.02:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if power(middle, n, alpha) >= target else (middle, high)
    return high


def _reach(alpha: float, target: float) -> float:
    """How many standard errors a difference must measure for that power, if the spread were known."""
    return _normal_reach(alpha) + float(scipy.special.ndtri(target))


def _rounded(ratio: float) -> float:
    """Two significant digits: more would be invented, and equal ratios are simulated once."""
    return float(f"{ratio:.1e}")
