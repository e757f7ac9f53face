"""Rankings of all methods: mean ranks, Friedman's test and the Plackett-Luce model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy

from bench.stats.intervals import Interval, mean_interval
from bench.stats.jackknife import jackknife_interval
from bench.stats.paired import whole
from bench.stats.scene_means import Floats
from bench.stats.user_study.answers import Answers
from bench.stats.user_study.choices import Strength
from bench.stats.user_study.paired import Tested, compare_both_ways, means_by


@dataclass(frozen=True)
class RankingsStudy:
    """One question: mean ranks over items (1 is best) with intervals, tests, and Plackett-Luce strengths."""

    answers: Answers
    mean_ranks: tuple[tuple[float, Interval | None], ...]
    tests: tuple[Tested, ...]
    strengths: tuple[Strength, ...]


def study_rankings(answers: Answers) -> RankingsStudy:
    """Analyse rankings, as in CLiC, Table 1 (which counts 4 as best of 4: 5 minus these ranks)."""
    methods = answers.methods
    columns = whole(means_by(answers.frame, "cluster", "rank", methods)).T
    limits = (1.0, float(len(methods)))
    ranks = tuple((float(column.mean()), mean_interval(column, limits)) for column in columns)
    tests = compare_both_ways(answers.frame, "rank", methods, answers.unit, "rank, 1 is best")
    return RankingsStudy(answers, ranks, tests, _strengths(answers))


def plackett_luce(orders: list[tuple[int, ...]], methods: int) -> Floats:
    """Log strengths float [methods], their mean 0, of orders from best to worst, by maximum likelihood (choix).

    The chance of an order is the product over its places of strength over the sum of the strengths that are left
    (Plackett 1975). NaN where the orders do not bound them: where some methods are ranked above all others always.
    """
    import choix  # noqa: PLC0415 - slow to import

    above = np.zeros((methods, methods), dtype=bool)
    for order in orders:
        for place, winner in enumerate(order):
            above[winner, list(order[place + 1 :])] = True
    if scipy.sparse.csgraph.connected_components(above, connection="strong")[0] != 1:
        return np.full(methods, math.nan)
    strengths = np.asarray(choix.ilsr_rankings(methods, orders, max_iter=1_000), dtype=np.float64)
    return np.asarray(strengths - strengths.mean(), dtype=np.float64)


def _strengths(answers: Answers) -> tuple[Strength, ...]:
    methods = answers.methods
    index = {name: k for k, name in enumerate(methods)}
    ranked = answers.frame.sort_values("rank")
    orders, clusters = [], []
    for (cluster, _, _), rows in ranked.groupby(["cluster", "rater", "item"], sort=True):
        orders.append(tuple(index[name] for name in rows["method"]))
        clusters.append(str(cluster))
    values = plackett_luce(orders, len(methods))
    without = np.array([_without(orders, clusters, left_out, len(methods)) for left_out in sorted(set(clusters))])
    reason = "" if np.isfinite(values).all() else "some methods are always ranked above the others: no bound"
    return tuple(
        Strength(name, float(values[k]), jackknife_interval(float(values[k]), without[:, k]), reason)
        for k, name in enumerate(methods)
    )


def _without(orders: list[tuple[int, ...]], clusters: list[str], left_out: str, methods: int) -> Floats:
    kept = [order for order, cluster in zip(orders, clusters, strict=True) if cluster != left_out]
    return plackett_luce(kept, methods)
