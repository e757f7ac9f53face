"""One row per method: every metric's mean over scenes with its interval, costs, and the Pareto flag."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.core.defaults import PARETO_AXES
from bench.core.text import count
from bench.plugins.metric import Column
from bench.stats.intervals import Interval, mean_interval
from bench.stats.pareto import non_dominated
from bench.stats.scene_means import PICTURE, common_pictures, methods_of, scene_means

PICTURE_SECONDS = "cost_generate_seconds"
COSTS_OF_UNITS = ("cost_fit_seconds", "cost_peak_memory_bytes", "cost_disk_bytes", "cost_energy_joules")
"""Columns of the table; see `bench.core.table.COLUMNS`."""


@dataclass(frozen=True)
class Estimate:
    """The mean over scenes of a metric, its interval, and the scenes and pictures with a value.

    `mean` is NaN if no scene has one; `interval` is None below 4 scenes.
    """

    mean: float
    interval: Interval | None
    n_scenes: int
    n_pictures: int


@dataclass(frozen=True)
class MethodSummary:
    """One method: `estimates` by the metric's label, scenes and pictures that entered, and what it cost.

    `costs` by their column in the table (`cost_*`): means over units, `cost_generate_seconds` over pictures; NaN where
    nothing was measured. `pareto`: no other method has at least its prompt and identity similarity and more of one; a
    `control` is a point of reference, which is never on the front and keeps no other off it.
    """

    method: str
    estimates: Mapping[str, Estimate]
    n_scenes: int
    n_pictures: int
    costs: Mapping[str, float]
    pareto: bool
    control: bool = False


@dataclass(frozen=True)
class Summary:
    """The methods in the table's order, on the pictures that all have; `notes` says what was left out."""

    methods: tuple[MethodSummary, ...]
    n_scenes: int
    n_pictures: int
    notes: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        """One row a method: `<metric>`, its `_low`, `_high`, `_interval`, `_n_scenes`, counts and costs."""
        return pd.DataFrame([_record(summary) for summary in self.methods])


def summarise(table: pd.DataFrame, metrics: Sequence[Column], controls: Collection[str] = ()) -> Summary:
    """Summarise a table of scores (columns: `bench.core.table.COLUMNS` and those of the metrics) in these metrics.

    Methods are compared on the pictures that all of them have. If they share none, each is summarised on its
    own, none is on the Pareto front, and a note says so. None is either where the metrics lack an axis of it. The
    methods that are `controls` do not compete for it.
    """
    methods = methods_of(table)
    shared = common_pictures(table)
    comparable = not shared.empty
    chosen = shared if comparable else table
    means = scene_means(chosen, metrics)
    estimates = {method: _estimates(means[means["method"] == method], metrics) for method in methods}
    competing = {method: each for method, each in estimates.items() if method not in controls}
    front = _front(competing) if comparable else frozenset[str]()
    summaries = tuple(
        _summary(chosen[chosen["method"] == method], method, each, method in front, method in controls)
        for method, each in estimates.items()
    )
    scenes, pictures = chosen["scene"].nunique(), len(chosen.drop_duplicates(PICTURE))
    return Summary(summaries, int(scenes), pictures, _notes(table, shared))


def _estimates(means: pd.DataFrame, metrics: Sequence[Column]) -> dict[str, Estimate]:
    return {metric.label: _estimate(means, metric) for metric in metrics}


def _estimate(means: pd.DataFrame, metric: Column) -> Estimate:
    whole = means[(means["metric"] == metric.label) & means["mean"].notna()]
    values = whole["mean"].to_numpy(dtype=np.float64)
    mean = float(values.mean()) if len(values) else math.nan
    return Estimate(mean, mean_interval(values, metric.range), len(values), int(whole["n_pictures"].sum()))


def _summary(
    rows: pd.DataFrame, method: str, estimates: dict[str, Estimate], pareto: bool, control: bool
) -> MethodSummary:
    pictures = rows.drop_duplicates(PICTURE)
    return MethodSummary(
        method=method,
        estimates=estimates,
        n_scenes=int(rows["scene"].nunique()),
        n_pictures=len(pictures),
        costs=_costs(rows.drop_duplicates("unit"), pictures),
        pareto=pareto,
        control=control,
    )


def _costs(units: pd.DataFrame, pictures: pd.DataFrame) -> dict[str, float]:
    of_units = {column: float(units[column].mean()) for column in COSTS_OF_UNITS}
    return {**of_units, PICTURE_SECONDS: float(pictures[PICTURE_SECONDS].mean())}


def cost_frame(table: pd.DataFrame) -> pd.DataFrame:
    """One row per method: how many units and pictures it has, what all of them took, and the means that pages tell."""
    rows = []
    for method in methods_of(table):
        own = table[table["method"] == method]
        units, pictures = own.drop_duplicates("unit"), own.drop_duplicates(PICTURE)
        rows.append(
            {
                "method": method,
                "n_units": len(units),
                "n_pictures": len(pictures),
                "fit_seconds": float(units["cost_fit_seconds"].sum(min_count=1)),
                "generate_seconds": float(pictures[PICTURE_SECONDS].sum(min_count=1)),
                **_costs(units, pictures),
            }
        )
    return pd.DataFrame(rows)


def _front(estimates: Mapping[str, Mapping[str, Estimate]]) -> frozenset[str]:
    """The methods on the front of the means."""
    points = [[each[axis].mean if axis in each else math.nan for axis in PARETO_AXES] for each in estimates.values()]
    flags = non_dominated(np.reshape(points, (-1, len(PARETO_AXES))))
    return frozenset(method for method, on_front in zip(estimates, flags, strict=True) if on_front)


def _notes(table: pd.DataFrame, shared: pd.DataFrame) -> tuple[str, ...]:
    if shared.empty and not table.empty:
        return ("the methods share no picture: each is summarised on its own; pairs are tested on what both have",)
    drawn = table.drop_duplicates(["method", *PICTURE]).groupby("method", sort=False).size()
    kept = len(shared.drop_duplicates(PICTURE))
    return tuple(
        f"{method}: {n - kept} of {count(n, 'picture')} left out, which not every method has"
        for method, n in drawn.items()
        if n > kept
    )


def _record(summary: MethodSummary) -> dict[str, object]:
    record: dict[str, object] = {"method": summary.method, "pareto": summary.pareto}
    for name, estimate in summary.estimates.items():
        column, interval = name.replace("-", "_"), estimate.interval
        record[column] = estimate.mean
        record[f"{column}_low"] = math.nan if interval is None else interval.low
        record[f"{column}_high"] = math.nan if interval is None else interval.high
        record[f"{column}_interval"] = "none" if interval is None else f"{interval.level:.0%} {interval.method}"
        record[f"{column}_n_scenes"] = estimate.n_scenes
    return {**record, "n_scenes": summary.n_scenes, "n_pictures": summary.n_pictures, **summary.costs}
