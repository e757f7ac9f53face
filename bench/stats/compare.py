"""The methods of a table compared in one metric: over pictures as in the paper, and paired by scene."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from bench.plugins.metric import Column
from bench.stats.common import CommonScores
from bench.stats.independent import kruskal_wallis, tukey
from bench.stats.paired import compare_pairs
from bench.stats.results import Comparison
from bench.stats.scene_means import PICTURE, methods_of, picture_values


def compare_pictures(table: pd.DataFrame, metric: Column) -> Comparison:
    """Kruskal-Wallis and Tukey over pictures, as Break-A-Scene tests (B.3), on the pictures where all have a value.

    Tukey's intervals hold for all pairs together, so every pair rests on what all methods have. Pictures of one scene
    resemble each other, and methods share scenes and noise, so these p values overstate what is known:
    `compare_scenes` stands beside them.
    """
    methods, label = methods_of(table), metric.label
    values = picture_values(table, [metric]).dropna(subset=[label])
    shared = values[values.groupby(PICTURE, dropna=False)["method"].transform("nunique") == len(methods)]
    groups = [shared.loc[shared["method"] == name, label].to_numpy(dtype=np.float64) for name in methods]
    n_pictures = min((len(group) for group in groups), default=0)
    return Comparison(
        label,
        "pictures",
        tuple(methods),
        int(shared["scene"].nunique()),
        n_pictures,
        kruskal_wallis(groups),
        tukey(methods, groups),
    )


def compare_scenes(common: CommonScores, metric: Column) -> Comparison:
    """Scene means paired by scene.

    All methods are compared on the pictures that all have drawn and the scenes where all have a value, which the
    comparison's `n_scenes` and `n_pictures` count; a pair on what the two have in common, whatever others lack.
    """
    methods, label = common.methods, metric.label
    values = common.together.matrix(label, methods)
    pairs = {pair: common.of(pair).matrix(label, pair) for pair in combinations(methods, 2)}
    overall, tested = compare_pairs(values, pairs)
    n_pictures = _pictures(common.together.means, label, len(methods))
    return Comparison(label, "scenes", methods, len(values), n_pictures, overall, tested)


def compare_all(common: CommonScores) -> tuple[Comparison, ...]:
    """Every metric over pictures and paired by scene, in the order of the metrics."""
    return tuple(
        comparison
        for metric in common.metrics
        for comparison in (compare_pictures(common.table, metric), compare_scenes(common, metric))
    )


def _pictures(means: pd.DataFrame, metric: str, methods: int) -> int:
    """The pictures per method with a value, on the common scenes: the least over the methods."""
    chosen = means[(means["metric"] == metric) & means["mean"].notna()]
    whole = chosen[chosen.groupby("scene")["method"].transform("nunique") == methods]
    return int(whole.groupby("method")["n_pictures"].sum().min()) if len(whole) else 0
