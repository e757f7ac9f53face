"""Effect sizes: how large a difference is, on scales that need no unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.stats.intervals import Interval, mean_interval
from bench.stats.jackknife import jackknife_interval
from bench.stats.scene_means import Floats

CLIFFS_DELTA = "Cliff's delta"
IMPROVEMENT = "probability of improvement"


@dataclass(frozen=True)
class Effect:
    """An effect size of two methods in one metric; positive (above 1/2 for a probability) if the first is better.

    `value` is NaN where there is nothing to compare; `n` counts the scenes.
    """

    measure: str
    metric: str
    first: str
    second: str
    n: int
    value: float
    interval: Interval | None


def cliffs_delta(first: Floats, second: Floats) -> tuple[float, Interval | None]:
    """P(first > second) - P(first < second) over all pairs of scene means, float [scenes] each (Cliff 1993).

    -1 to 1: how far two methods' scene means lie apart, against how far scenes do. The interval leaves out one scene
    at a time, from both methods.
    """
    n = len(first)
    if n == 0:
        return float("nan"), None
    signs = np.sign(first[:, None] - second[None, :])
    delta = float(signs.mean())
    if n == 1:
        return delta, None
    left = signs.sum() - signs.sum(axis=0) - signs.sum(axis=1) + np.diagonal(signs)
    return delta, jackknife_interval(delta, np.asarray(left / (n - 1) ** 2, dtype=np.float64), (-1.0, 1.0))


def improvement(first: Sequence[Floats], second: Sequence[Floats]) -> tuple[float, Interval | None]:
    """P(a picture of the first method beats one of the second on the same scene), the mean over scenes.

    Both hold an array of pictures' values for each scene, float [pictures]; ties count half (Agarwal et al. 2021,
    "Deep reinforcement learning at the edge of the statistical precipice", section 4.3, with scenes as the tasks).
    """
    shares = np.array([win_share(one, other) for one, other in zip(first, second, strict=True)], dtype=np.float64)
    if len(shares) == 0:
        return float("nan"), None
    return float(shares.mean()), mean_interval(shares, (0.0, 1.0))


def win_share(first: Floats, second: Floats) -> float:
    """P(first > second) + P(first = second) / 2 over all pairs of values, float [n] and [m]."""
    return float((np.sign(first[:, None] - second[None, :]).mean() + 1) / 2)
