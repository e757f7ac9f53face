"""Everything that is worked out about a table of scores, for the report and its CSV files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from bench.core.defaults import PARETO_AXES
from bench.plugins.metric import Column
from bench.stats.common import CommonScores, Scores
from bench.stats.compare import compare_all
from bench.stats.effects import CLIFFS_DELTA, IMPROVEMENT, Effect, cliffs_delta, improvement
from bench.stats.front import Front, axes_of, measure_front
from bench.stats.independent import Moments, moments
from bench.stats.mixed import MixedModel, mixed_model
from bench.stats.power import SampleSize, sample_size
from bench.stats.results import Comparison
from bench.stats.scene_means import scene_means

ALPHA = 0.05


@dataclass(frozen=True)
class Analysis:
    """All tests and effects of a table; `mixed` is by the metric's label, `front` None if nothing is comparable.

    What is about all methods rests on what all have, what is about a pair on what the two have, each with its n: what
    one method lacks changes no other pair's figures but through the number of pairs that p values are corrected for.
    Controls are among the pairs, and not on the front. `target_difference` is the difference that `sample_sizes` are
    about.
    """

    methods: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    moments: tuple[Moments, ...]
    effects: tuple[Effect, ...]
    mixed: dict[str, MixedModel]
    front: Front | None
    sample_sizes: tuple[SampleSize, ...]
    target_difference: float


def analyse(
    table: pd.DataFrame, metrics: Sequence[Column], target_difference: float, controls: Collection[str] = ()
) -> Analysis:
    """Analyse a table of scores (columns: `bench.core.table.COLUMNS` and those of the metrics) in these metrics.

    The mixed model also uses pictures and scenes that some method lacks. `target_difference` is the difference, in a
    metric's own unit, of which the report says how many scenes it needs. The methods that are `controls` do not
    compete for the front.
    """
    common = CommonScores(table, metrics)
    return Analysis(
        methods=common.methods,
        comparisons=compare_all(common),
        moments=tuple(_moments(common)),
        effects=tuple(_effects(common)),
        mixed=_mixed(scene_means(table, metrics), common),
        front=_front(common, controls),
        sample_sizes=_sample_sizes(common, target_difference),
        target_difference=target_difference,
    )


def _moments(common: CommonScores) -> Iterator[Moments]:
    values = common.together.pictures
    for metric in common.metrics:
        for method in common.methods:
            known = values.loc[values["method"] == method, metric.label].dropna()
            yield moments(method, metric.label, known.to_numpy(dtype=np.float64))


def _effects(common: CommonScores) -> Iterator[Effect]:
    for metric in common.metrics:
        sign, label = 1.0 if metric.higher_is_better else -1.0, metric.label
        for pair in combinations(common.methods, 2):
            scores = common.of(pair)
            pictures = scores.pictures_by_scene(label, pair)
            one, other = ([sign * values for values in pictures[method]] for method in pair)
            yield Effect(IMPROVEMENT, label, *pair, len(one), *improvement(one, other))
            means = sign * scores.matrix(label, pair)
            yield Effect(CLIFFS_DELTA, label, *pair, len(means), *cliffs_delta(*means.T))


def _mixed(means: pd.DataFrame, common: CommonScores) -> dict[str, MixedModel]:
    methods = list(common.methods)
    wide = means.pivot(index=["metric", "scene"], columns="method", values="mean").reindex(columns=methods)
    known = set(wide.index.get_level_values("metric"))
    empty = np.empty((0, len(methods)))
    values = {name: np.asarray(wide.loc[name], dtype=np.float64) for name in known}
    return {metric.label: mixed_model(methods, values.get(metric.label, empty)) for metric in common.metrics}


def _front(common: CommonScores, controls: Collection[str]) -> Front | None:
    """The front over scenes where every method that competes has both coordinates; those without any are left out.

    None where the metrics lack an axis, and where no methods have both coordinates in common.
    """
    if len(axes_of(common.metrics)) < len(PARETO_AXES):
        return None
    own = [method for method in common.methods if _has_axes(common.of([method]), method)]
    pairs = {pair: common.of(pair).by_scene(PARETO_AXES, pair) for pair in combinations(own, 2)}
    placed = [method for method in own if method not in controls and _has_axes(common.together, method)]
    values = common.together.by_scene(PARETO_AXES, placed) if placed else np.empty((0, 0, len(PARETO_AXES)))
    comparable = len(values) or any(map(len, pairs.values()))
    return measure_front(placed, values, pairs) if comparable else None


def _has_axes(scores: Scores, method: str) -> bool:
    return all(len(scores.matrix(axis, [method])) for axis in PARETO_AXES)


def _sample_sizes(common: CommonScores, target_difference: float) -> tuple[SampleSize, ...]:
    pairs = list(combinations(common.methods, 2))
    sample_sizes: list[SampleSize] = []
    for metric in common.metrics:
        for pair in pairs:
            first, second = common.of(pair).matrix(metric.label, pair).T
            differences = np.round(first - second, 12)
            sample_sizes.append(sample_size(metric.label, pair, differences, target_difference, ALPHA / len(pairs)))
    return tuple(sample_sizes)
