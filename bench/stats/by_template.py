"""Metrics by prompt template: a mean over scenes per metric, template and method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bench.plugins.metric import Column
from bench.stats.dataframes import bounds
from bench.stats.intervals import SceneMean
from bench.stats.scene_means import common_pictures, methods_of, scene_means


@dataclass(frozen=True)
class TemplateMean:
    """The mean of a metric over scenes, of a method's pictures of one prompt template."""

    metric: str
    template: str
    method: str
    mean: SceneMean


def by_template(table: pd.DataFrame, metrics: Sequence[Column]) -> tuple[TemplateMean, ...]:
    """A mean per metric, template and method, in this order; its value is NaN where a method has none.

    Methods are compared on the pictures that all have drawn; if they share none, on their own.
    """
    shared = common_pictures(table)
    compared = table if shared.empty else shared
    means = {str(template): scene_means(rows, metrics) for template, rows in compared.groupby("template", sort=False)}
    return tuple(
        TemplateMean(metric.label, template, method, _mean(rows, metric, method))
        for metric in metrics
        for template, rows in means.items()
        for method in methods_of(compared)
    )


def _mean(rows: pd.DataFrame, metric: Column, method: str) -> SceneMean:
    chosen = rows[(rows["metric"] == metric.label) & (rows["method"] == method)]
    return SceneMean.of(chosen["mean"], metric.range)


def by_template_frame(rows: Sequence[TemplateMean]) -> pd.DataFrame:
    """One row per mean, with its interval."""
    return pd.DataFrame(
        {
            "metric": one.metric,
            "template": one.template,
            "method": one.method,
            "mean": one.mean.value,
            **bounds(one.mean.interval),
            "n_scenes": one.mean.n,
        }
        for one in rows
    )
