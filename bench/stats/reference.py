"""Methods against one of them, paired by scene: a chosen reference, or the best by the mean."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from bench.plugins.metric import Column
from bench.stats.analysis import ALPHA
from bench.stats.common import CommonScores
from bench.stats.dataframes import bounds
from bench.stats.intervals import FEWEST
from bench.stats.paired import WILCOXON_HOLM, wilcoxon, with_holm
from bench.stats.results import Pair
from bench.stats.summary import Estimate, Summary, summarise


@dataclass(frozen=True)
class ComparedValue:
    """One method in one metric: its mean, its difference to the reference, and how it stands to the best.

    `difference` is the method minus the reference; None for the reference itself. `rank` is `best` (by the mean, over 4
    scenes or more), `level` (no test says that it is worse than the best), or empty (worse, without a value, or a
    control, which does not compete).
    """

    method: str
    metric: str
    estimate: Estimate
    difference: Pair | None
    rank: str


@dataclass(frozen=True)
class ReferenceTable:
    """Every method in some metrics: `values` by the method and the metric's label."""

    methods: tuple[str, ...]
    reference: str
    metrics: tuple[Column, ...]
    values: dict[tuple[str, str], ComparedValue]
    summary: Summary


def compare_with_reference(
    table: pd.DataFrame, metrics: Sequence[Column], reference: str, controls: Collection[str] = ()
) -> ReferenceTable:
    """Means of every method, differences to `reference`, and those that are best or not shown to be worse.

    Differences are tested by Wilcoxon's signed ranks paired by scene: those to the reference with Holm's correction
    over the other methods, those to the best as Hsu (1984) compares with the best, corrected for the number of other
    methods that compete (Bonferroni): with 95 % the truly best method is among those marked, whatever scenes a method
    lacks, for only what is surely worse on common scenes is not. `controls` do not compete.
    """
    summary, common = summarise(table, metrics, controls), CommonScores(table, metrics)
    values: dict[tuple[str, str], ComparedValue] = {}
    for metric in metrics:
        estimates = {each.method: each.estimates[metric.label] for each in summary.methods}
        differences = {pair.first: pair for pair in against(common, metric, reference)}
        ranks = _ranks(common, metric, {name: each for name, each in estimates.items() if name not in controls})
        for name, estimate in estimates.items():
            rank = ranks.get(name, "")
            values[name, metric.label] = ComparedValue(name, metric.label, estimate, differences.get(name), rank)
    return ReferenceTable(common.methods, reference, tuple(metrics), values, summary)


def against(common: CommonScores, metric: Column, reference: str) -> tuple[Pair, ...]:
    """Every other method minus `reference` in one metric, by scene, with Holm's correction over these pairs."""
    others = [name for name in common.methods if name != reference]
    return with_holm([_pair(common, metric, (name, reference)) for name in others], WILCOXON_HOLM)


def reference_frame(found: ReferenceTable) -> pd.DataFrame:
    """One row per metric and method: the mean with its interval, the rank, the difference to the reference, and p."""
    return pd.DataFrame(_record(found, value) for value in found.values.values())


def _pair(common: CommonScores, metric: Column, names: tuple[str, str]) -> Pair:
    values = common.of(names).matrix(metric.label, names)
    return wilcoxon(*names, dict(zip(names, values.T, strict=True)))


def _ranks(common: CommonScores, metric: Column, estimates: dict[str, Estimate]) -> dict[str, str]:
    """`best`, or `level` for what is not surely worse.

    Nothing where there is only one method with a value, or none with enough scenes for a mean that can be believed.
    """
    known = {name: each.mean for name, each in estimates.items() if not math.isnan(each.mean)}
    sure = {name: mean for name, mean in known.items() if estimates[name].n_scenes >= FEWEST}
    if len(known) < 2 or not sure:
        return {}
    top = (max if metric.higher_is_better else min)(sure.values())
    best = {name for name, mean in sure.items() if mean == top}
    first, others = min(best), len(known) - 1
    level = {name for name in known.keys() - best if not _is_worse(common, metric, (name, first), others)}
    return {**dict.fromkeys(level, "level"), **dict.fromkeys(best, "best")}


def _is_worse(common: CommonScores, metric: Column, names: tuple[str, str], others: int) -> bool:
    """Whether a test on the scenes of both, corrected for so many, says that the first is worse than the second.

    These scenes are not those of the means where one lacks some: the first may have the lower mean and be better.
    """
    pair = _pair(common, metric, names)
    below = pair.effect < 0 if metric.higher_is_better else pair.effect > 0
    return below and pair.p is not None and pair.p * others < ALPHA


def _record(found: ReferenceTable, value: ComparedValue) -> dict[str, object]:
    pair, estimate = value.difference, value.estimate
    return {
        "metric": value.metric,
        "method": value.method,
        "mean": estimate.mean,
        **bounds(estimate.interval),
        "n_scenes": estimate.n_scenes,
        "rank": value.rank,
        "reference": found.reference,
        "difference": pair.effect if pair else math.nan,
        **{f"difference_{name}": end for name, end in bounds(pair.interval if pair else None).items()},
        "n_paired": pair.n if pair else 0,
        "test": pair.test if pair else "",
        "p": pair.p if pair else None,
        "p_text": pair.p_text if pair else "",
    }
