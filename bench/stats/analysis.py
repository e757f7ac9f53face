"""Everything that is worked out about a table of scores, for the report and its CSV files."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from bench.core.defaults import PARETO_AXES
from bench.scoring.catalogue import METRICS, Metric
from bench.stats.compare import compare_all
from bench.stats.effects import CLIFFS_DELTA, IMPROVEMENT, Effect, cliffs_delta, improvement
from bench.stats.front import Front, measure_front
from bench.stats.independent import Moments, moments
from bench.stats.mixed import MixedModel, mixed_model
from bench.stats.power import SampleSize, sample_size
from bench.stats.results import Comparison
from bench.stats.scene_means import Floats, common_pictures, matrix, methods_of, picture_values, scene_means

ALPHA = 0.05


@dataclass(frozen=True)
class Analysis:
    """All tests and effects of a table; `mixed` is by the metric's name, `front` None if nothing is comparable.

    `target_difference` is the difference that `sample_sizes` are about.
    """

    methods: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    moments: tuple[Moments, ...]
    effects: tuple[Effect, ...]
    mixed: dict[str, MixedModel]
    front: Front | None
    sample_sizes: tuple[SampleSize, ...]
    target_difference: float


def analyse(table: pd.DataFrame, target_difference: float) -> Analysis:
    """Analyse a table of scores (columns: `bench.core.table.COLUMNS`) on the pictures that every method has.

    The mixed model alone also uses pictures and scenes that some method lacks. `target_difference` is the difference, in a
    metric's own unit, of which the report says how many scenes it needs.
    """
    methods = methods_of(table)
    shared = common_pictures(table)
    means = scene_means(shared)
    return Analysis(
        methods=tuple(methods),
        comparisons=compare_all(table),
        moments=_moments(picture_values(shared), methods),
        effects=_effects(picture_values(shared), means, methods),
        mixed=_mixed(scene_means(table), methods),
        front=_front(means, methods),
        sample_sizes=_sample_sizes(means, methods, target_difference),
        target_difference=target_difference,
    )


def _moments(values: pd.DataFrame, methods: list[str]) -> tuple[Moments, ...]:
    return tuple(
        moments(method, metric.name, _column(values[values["method"] == method], metric))
        for metric in METRICS
        for method in methods
    )


def _effects(values: pd.DataFrame, means: pd.DataFrame, methods: list[str]) -> tuple[Effect, ...]:
    effects: list[Effect] = []
    for metric in METRICS:
        sign = 1.0 if metric.higher_is_better else -1.0
        columns = dict(zip(methods, sign * matrix(means, metric.name, methods).T, strict=True))
        pictures = _by_scene(values, metric, sign, methods)
        for first, second in combinations(methods, 2):
            n = len(columns[first])
            won = improvement(pictures[first], pictures[second])
            effects.append(Effect(IMPROVEMENT, metric.name, first, second, len(pictures[first]), *won))
            delta = cliffs_delta(columns[first], columns[second])
            effects.append(Effect(CLIFFS_DELTA, metric.name, first, second, n, *delta))
    return tuple(effects)


def _by_scene(values: pd.DataFrame, metric: Metric, sign: float, methods: list[str]) -> dict[str, list[Floats]]:
    """Each method's values by scene, on the scenes where every method has one."""
    whole = values[values[metric.name].notna()]
    whole = whole[whole.groupby("scene")["method"].transform("nunique") == len(methods)]
    scenes = sorted(whole["scene"].unique())
    groups = {key: sign * _column(rows, metric) for key, rows in whole.groupby(["method", "scene"], sort=False)}
    return {method: [groups[method, scene] for scene in scenes] for method in methods}


def _mixed(means: pd.DataFrame, methods: list[str]) -> dict[str, MixedModel]:
    wide = means.pivot(index=["metric", "scene"], columns="method", values="mean").reindex(columns=methods)
    known = set(wide.index.get_level_values("metric"))
    empty = np.empty((0, len(methods)))
    values = {name: np.asarray(wide.loc[name], dtype=np.float64) for name in known}
    return {metric.name: mixed_model(methods, values.get(metric.name, empty)) for metric in METRICS}


def _front(means: pd.DataFrame, methods: list[str]) -> Front | None:
    """The front over scenes where every method has both coordinates; methods without any are left out."""
    axes = list(PARETO_AXES)
    wide = means[means["metric"].isin(axes)].pivot(index="scene", columns=["method", "metric"], values="mean")
    wide = wide.reindex(columns=pd.MultiIndex.from_product([methods, axes])).dropna(axis="columns", how="all")
    placed = [method for method in methods if {(method, axis) for axis in axes} <= set(wide.columns)]
    if not placed:
        return None
    values = np.asarray(wide[[(method, axis) for method in placed for axis in axes]].dropna(), dtype=np.float64)
    return measure_front(placed, values.reshape(-1, len(placed), len(axes))) if len(values) else None


def _sample_sizes(means: pd.DataFrame, methods: list[str], target_difference: float) -> tuple[SampleSize, ...]:
    pairs = list(combinations(methods, 2))
    sample_sizes: list[SampleSize] = []
    for metric in METRICS:
        columns = dict(zip(methods, matrix(means, metric.name, methods).T, strict=True))
        for first, second in pairs:
            differences = np.round(columns[first] - columns[second], 12)
            sample_sizes.append(
                sample_size(metric.name, (first, second), differences, target_difference, ALPHA / len(pairs))
            )
    return tuple(sample_sizes)


def _column(values: pd.DataFrame, metric: Metric) -> Floats:
    return values[metric.name].dropna().to_numpy(dtype=np.float64)
