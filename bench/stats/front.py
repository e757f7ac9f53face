"""How sure the Pareto front is: each method's probability of being on it, hypervolume, and tests of dominance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from bench.core.defaults import PARETO_AXES
from bench.plugins.metric import Column
from bench.stats.intervals import FEWEST, Interval, mean_interval
from bench.stats.paired import too_few, with_holm
from bench.stats.pareto import non_dominated
from bench.stats.results import Pair
from bench.stats.scene_means import Floats
from bench.stats.signed_ranks import signed_rank_p

DRAWS = 9_999
REFERENCE = (0.0, 0.0)
"""The worst corner of the hypervolume: a cosine of 0 is no similarity at all."""
BOX = "box of Bonferroni intervals"
DOMINANCE = "dominance: one-sided Wilcoxon in both metrics, Holm"


@dataclass(frozen=True)
class Hypervolume:
    """The area that methods dominate above `REFERENCE`, with a conservative 95 % interval (None below 4 scenes)."""

    value: float
    interval: Interval | None


@dataclass(frozen=True)
class Front:
    """The front of `methods`, those that compete, over the `n_scenes` scenes where each has both coordinates.

    `probabilities` of being on it by method (None below 4 scenes), `hypervolume` of all methods together and
    `hypervolumes` of each alone. `dominance` of every ordered pair, also of what does not compete, on the scenes where
    the two have both coordinates: is the first better than the second in both metrics?
    """

    methods: tuple[str, ...]
    n_scenes: int
    probabilities: tuple[float, ...] | None
    hypervolume: Hypervolume
    hypervolumes: tuple[Hypervolume, ...]
    dominance: tuple[Pair, ...]


def axes_of(metrics: Sequence[Column]) -> tuple[Column, ...]:
    """Those of the metrics that are axes of the front, in the order of `PARETO_AXES`."""
    by_label = {metric.label: metric for metric in metrics}
    return tuple(by_label[axis] for axis in PARETO_AXES if axis in by_label)


def measure_front(methods: Sequence[str], values: Floats, pairs: Mapping[tuple[str, str], Floats]) -> Front:
    """All of it, from scene means float [scenes, methods, 2], both to be maximised and none NaN.

    `pairs` are those of each unordered pair of methods, [scenes, 2, 2], on the scenes that the two have in common;
    methods that have no scene in common with all others may be among them, and controls.
    """
    alone = tuple(hypervolume_interval(values[:, [index]]) for index in range(len(methods)))
    probabilities = tuple(front_probabilities(values)) if len(values) >= FEWEST else None
    together = hypervolume_interval(values)
    return Front(tuple(methods), len(values), probabilities, together, alone, dominance(pairs))


def plausible_means(values: Floats, draws: int = DRAWS, seed: int = 0) -> Floats:
    """Means that the scenes leave plausible, float [draws, methods, metrics], from [scenes, methods, metrics].

    Draws from the multivariate t around the observed means, with the covariance of the scenes and `scenes` - 1 degrees
    of freedom (the posterior of a normal mean under a flat prior): for one figure its quantiles are Student's interval.
    """
    n = len(values)
    rng = np.random.default_rng(seed)
    means = values.mean(axis=0)
    normal = np.tensordot(rng.normal(size=(draws, n)), values - means, axes=1) / math.sqrt(n * (n - 1))
    scale = np.sqrt(rng.chisquare(n - 1, size=draws) / (n - 1))
    return np.asarray(means + normal / scale[:, None, None], dtype=np.float64)


def front_probabilities(values: Floats, seed: int = 0) -> list[float]:
    """How often each method is on the front of plausible means; values are [scenes, methods, metrics], >= 2 scenes."""
    drawn = plausible_means(values, seed=seed)
    return [float((~_beaten(drawn, index)).mean()) for index in range(values.shape[1])]


def hypervolume(points: Floats) -> float:
    """The area above `REFERENCE` and below some point; points are [N, 2], both metrics to be maximised.

    A point with NaN, or below the reference in a metric, adds nothing (Zitzler and Thiele 1999).
    """
    gains = points - np.array(REFERENCE)
    front = gains[non_dominated(points) & (gains > 0).all(axis=1)]
    ordered = np.unique(front, axis=0)
    widths = np.diff(ordered[:, 0], prepend=0.0)
    return float((widths * ordered[:, 1]).sum())


def hypervolume_interval(values: Floats, level: float = 0.95) -> Hypervolume:
    """The hypervolume of the means of [scenes, methods, 2], with an interval that holds whatever the means are.

    Hypervolume grows with every coordinate, so it lies between those of the lower and of the upper corners of a box
    that holds all means at once (Bonferroni over methods and metrics). Wider than a bootstrap's, which is wrong where
    methods tie: the front of noisy equal means lies too far out. NaN without scenes or methods.
    """
    if not values.size:
        return Hypervolume(math.nan, None)
    n, methods, metrics = values.shape
    value = hypervolume(values.mean(axis=0))
    each = 1 - (1 - level) / (methods * metrics)
    cells = [mean_interval(values[:, i, j], level=each) for i in range(methods) for j in range(metrics)]
    whole = [cell for cell in cells if cell is not None]
    if len(whole) < len(cells):
        return Hypervolume(value, None)
    low, high = (np.reshape(ends, (methods, metrics)) for ends in zip(*((c.low, c.high) for c in whole), strict=True))
    return Hypervolume(value, Interval(hypervolume(low), hypervolume(high), level, BOX, n))


def dominance(pairs: Mapping[tuple[str, str], Floats]) -> tuple[Pair, ...]:
    """Whether the first of each ordered pair is better than the second in every metric.

    `pairs` are scene means float [scenes, 2, metrics] by unordered pair. An intersection-union test (Berger 1982): the
    greatest of the metrics' one-sided Wilcoxon p values, so a small one says "better in all". Corrected by Holm for the
    number of ordered pairs that can be tested. The effect is the least of the metrics' mean differences.
    """
    differences = {pair: values[:, 0] - values[:, 1] for pair, values in pairs.items()}
    differences |= {(second, first): -values for (first, second), values in differences.items()}
    names = dict.fromkeys(name for pair in pairs for name in pair)
    return with_holm([_dominates(pair, differences[pair]) for pair in permutations(names, 2)], DOMINANCE)


def _dominates(pair: tuple[str, str], differences: Floats) -> Pair:
    # Rounding noise of the means must not break ties or make zeros differ.
    differences = np.round(differences, 12)
    n = len(differences)
    reason = too_few(n)
    p = None if reason else max(_greater(column) for column in differences.T)
    effect = float(differences.mean(axis=0).min()) if n else math.nan
    return Pair(*pair, DOMINANCE, "scenes", n, effect, None, p, reason)


def _greater(differences: Floats) -> float:
    """p of the differences being above zero; 1 where all are zero."""
    if not differences.any():
        return 1.0
    return signed_rank_p(differences, "greater")


def _beaten(points: Floats, index: int) -> NDArray[np.bool_]:
    """Where some other point beats the one at `index`, bool [draws]; points are [draws, N, metrics]."""
    own = points[:, [index]]
    beats: NDArray[np.bool_] = np.asarray((points >= own).all(axis=2) & (points > own).any(axis=2))
    return np.asarray(beats.any(axis=1))
