"""From the table to scene means: pictures of one scene are no independent samples, so scenes are the unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.plugins.metric import Column

Floats = NDArray[np.float64]

PICTURE = ["seed", "scene", "template", "subset", "sample"]
"""What tells pictures of one method apart; equal in two methods for the same prompt and noise."""

PROMPT = [part for part in PICTURE if part != "sample"]
"""What the samples of one prompt have in common."""


def picture_values(table: pd.DataFrame, metrics: Sequence[Column]) -> pd.DataFrame:
    """One row per method and picture: its key (`PICTURE`) and the value of every metric, by the metric's label.

    A value is the mean of the picture's rows that have one: of its concepts, where a metric's grain is the concept.
    The value of a prompt stands with the first of the prompt's samples and is NaN with the others, so that no test
    counts it twice. Methods and pictures keep the table's order.
    """
    keys, labels = ["method", *PICTURE], [metric.label for metric in metrics]
    rows = table[keys].assign(**{metric.label: numbers(table[metric.name]) for metric in metrics})
    values = rows.groupby(keys, sort=False, dropna=False)[labels].mean().reset_index()
    first = ~values.duplicated(["method", *PROMPT])
    for metric in metrics:
        if metric.grain == "prompt":
            values[metric.label] = values[metric.label].where(first)
    return values


def scene_means(table: pd.DataFrame, metrics: Sequence[Column]) -> pd.DataFrame:
    """The mean of every metric over the pictures of a scene, tidy: method, scene, metric (label), mean, n_pictures.

    Over the pictures with a value (`picture_values`), which n_pictures counts; a `pooled` metric's mean is over the
    rows with a value instead. A scene with nothing to average has mean NaN and n_pictures 0.
    """
    values, labels = picture_values(table, metrics), [metric.label for metric in metrics]
    groups = values.groupby(["method", "scene"], sort=False)[labels]
    means = groups.mean()
    for metric in metrics:
        if metric.pooled:
            means[metric.label] = _pooled_means(table, metric)
    tidy = means.melt(ignore_index=False, var_name="metric", value_name="mean").reset_index()
    counts = groups.count().melt(ignore_index=False, var_name="metric", value_name="n_pictures").reset_index()
    return tidy.merge(counts, on=["method", "scene", "metric"], sort=False)


def numbers(column: pd.Series[Any]) -> pd.Series[float]:
    """A column of the table as float64: True is 1, False 0, and a missing value NaN."""
    return column.astype("Float64").astype("float64")


def matrix(means: pd.DataFrame, metric: str, methods: list[str]) -> Floats:
    """Scene means of `metric` for the scenes that all methods have, float [scenes, methods].

    `means` is what `scene_means` returns; scenes where a method has no value are left out.
    """
    chosen = means[means["metric"] == metric]
    wide = chosen.pivot(index="scene", columns="method", values="mean").reindex(columns=methods)
    return np.asarray(wide.dropna(), dtype=np.float64)


def common_pictures(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the pictures that every method of the table has drawn."""
    methods = table["method"].nunique()
    shared = table.groupby(PICTURE, sort=False, dropna=False)["method"].transform("nunique") == methods
    return table[shared]


def methods_of(table: pd.DataFrame) -> list[str]:
    """The methods in the table's order."""
    return [str(method) for method in table["method"].unique()]


def _pooled_means(table: pd.DataFrame, metric: Column) -> pd.Series[float]:
    """The mean over the rows with a value, by method and scene."""
    return numbers(table[metric.name]).groupby([table["method"], table["scene"]], sort=False).mean()
