"""How many scenes a difference needs, by simulating the test that the report makes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy

from bench.stats.intervals import FEWEST
from bench.stats.scene_means import Floats

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
    """How often Wilcoxon's signed ranks give p < alpha over `n` scenes, by simulation.

    Scenes' differences are normal with mean `ratio` and standard deviation 1; the same `seed` gives the same draws.
    """
    differences = np.random.default_rng([seed, n]).normal(ratio, 1.0, size=(simulations, n))
    p = np.asarray(scipy.stats.wilcoxon(differences, axis=1).pvalue, dtype=np.float64)
    return float((p < alpha).mean())


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
    return float(scipy.stats.norm.isf(alpha / 2) + scipy.stats.norm.ppf(target))


def _rounded(ratio: float) -> float:
    """Two significant digits: more would be invented, and equal ratios are simulated once."""
    return float(f"{ratio:.1e}")
