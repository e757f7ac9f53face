"""The methods of a table compared in one metric: over pictures as in the paper, and paired by scene."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.scoring.catalogue import METRICS
from bench.stats.independent import kruskal_wallis, tukey
from bench.stats.paired import compare_paired
from bench.stats.results import Comparison
from bench.stats.scene_means import PICTURE, common_pictures, matrix, methods_of, picture_values, scene_means


def compare_pictures(table: pd.DataFrame, metric: str) -> Comparison:
    """Kruskal-Wallis and Tukey over pictures, as Break-A-Scene tests (B.3), on the pictures all methods have.

    Pictures of one scene resemble each other, and methods share scenes and noise, so these p values overstate
    what is known: `compare_scenes` stands beside them.
    """
    methods = methods_of(table)
    values = picture_values(table).dropna(subset=[metric])
    shared = values[values.groupby(PICTURE, dropna=False)["method"].transform("nunique") == len(methods)]
    groups = [shared.loc[shared["method"] == name, metric].to_numpy(dtype=np.float64) for name in methods]
    n_pictures = min((len(group) for group in groups), default=0)
    return Comparison(
        metric,
        "pictures",
        tuple(methods),
        int(shared["scene"].nunique()),
        n_pictures,
        kruskal_wallis(groups),
        tukey(methods, groups),
    )


def compare_scenes(table: pd.DataFrame, metric: str) -> Comparison:
    """Scene means paired by scene, from pictures all methods have drawn, on scenes where all have a value."""
    methods = methods_of(table)
    shared = common_pictures(table)
    means = scene_means(shared)
    values = matrix(means, metric, methods)
    overall, pairs = compare_paired(methods, values)
    n_pictures = _pictures(means, metric, len(methods))
    return Comparison(metric, "scenes", tuple(methods), len(values), n_pictures, overall, pairs)


def compare_all(table: pd.DataFrame) -> tuple[Comparison, ...]:
    """Every metric over pictures and paired by scene, in the order of the metrics."""
    return tuple(compare(table, metric.name) for metric in METRICS for compare in (compare_pictures, compare_scenes))


def _pictures(means: pd.DataFrame, metric: str, methods: int) -> int:
    """The pictures a method with a value, on the common scenes: the least over the methods."""
    chosen = means[(means["metric"] == metric) & means["mean"].notna()]
    whole = chosen[chosen.groupby("scene")["method"].transform("nunique") == methods]
    return int(whole.groupby("method")["n_pictures"].sum().min()) if len(whole) else 0
