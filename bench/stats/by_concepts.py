"""How metrics fall with the number of concepts that a prompt names (Break-A-Scene, Figure 8: many concepts)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from bench.plugins.metric import Column
from bench.stats.dataframes import bounds
from bench.stats.intervals import Interval, mean_interval
from bench.stats.scene_means import common_pictures, methods_of, scene_means


@dataclass(frozen=True)
class ConceptCountMean:
    """The mean over `n_scenes` of a metric (its label) over a method's pictures of prompts of so many `concepts`.

    Scenes of few concepts have no prompts of many. `change` compares within scenes: the mean, over the `n_paired`
    scenes that have both, of the value less that of prompts of one concept; NaN where there is none, and for one
    concept. Intervals are None for too few scenes.
    """

    method: str
    metric: str
    concepts: int
    value: float
    interval: Interval | None
    n_scenes: int
    change: float
    change_interval: Interval | None
    n_paired: int


def by_number_of_concepts(table: pd.DataFrame, metrics: Sequence[Column]) -> tuple[ConceptCountMean, ...]:
    """A mean per metric, method and number of concepts, in this order.

    Methods are compared on the pictures that all have drawn; if they share none, on their own.
    """
    shared = common_pictures(table)
    compared = table if shared.empty else shared
    numbers = compared["subset"].str.count(r"\+") + 1
    means = pd.concat(
        [scene_means(rows, metrics).assign(concepts=number) for number, rows in compared.groupby(numbers)]
    ).dropna(subset=["mean"])
    return tuple(
        one
        for metric in metrics
        for method in methods_of(compared)
        for one in _of_method(means[(means["metric"] == metric.label) & (means["method"] == method)], metric)
    )


def by_concepts_frame(rows: Sequence[ConceptCountMean]) -> pd.DataFrame:
    """One row per mean: method, metric, concepts, mean with its interval, and the change from one concept."""
    return pd.DataFrame(
        {
            "method": one.method,
            "metric": one.metric,
            "concepts": one.concepts,
            "mean": one.value,
            **bounds(one.interval),
            "n_scenes": one.n_scenes,
            "change": one.change,
            **{f"change_{name}": value for name, value in bounds(one.change_interval).items()},
            "n_paired": one.n_paired,
        }
        for one in rows
    )


def _of_method(means: pd.DataFrame, metric: Column) -> Iterator[ConceptCountMean]:
    """The means of one metric and method, by number of concepts."""
    wide = means.pivot(index="scene", columns="concepts", values="mean")
    low, high = metric.range
    numbers = [int(str(number)) for number in wide.columns]
    for number in numbers:
        values = wide[number].dropna()
        changes = (wide[number] - wide[1]).dropna() if 1 in numbers and number != 1 else values.iloc[:0]
        yield ConceptCountMean(
            method=str(means["method"].iloc[0]),
            metric=metric.label,
            concepts=number,
            value=float(values.mean()),
            interval=mean_interval(values, metric.range),
            n_scenes=len(values),
            change=float(changes.mean()),
            change_interval=mean_interval(changes, (low - high, high - low)),
            n_paired=len(changes),
        )
