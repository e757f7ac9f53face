"""From the table to scene means: pictures of one scene are no independent samples, so scenes are the unit."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.scoring.catalogue import DETECTION_RATE, LPIPS_DIVERSITY, METRICS

Floats = NDArray[np.float64]

PICTURE = ["seed", "scene", "template", "subset", "sample"]
"""What tells pictures of one method apart; equal in two methods for the same prompt and noise."""

PROMPT = [part for part in PICTURE if part != "sample"]
"""What the samples of one prompt have in common."""


def picture_values(table: pd.DataFrame) -> pd.DataFrame:
    """One row a method and picture: its key (`PICTURE`) and the value of every metric, by the metric's name.

    Prompt similarity is the picture's own; identity similarity is the mean over the picture's found concepts,
    NaN if none was found; detection rate is the share found of the concepts that the segmenter knows, NaN if
    it knows none; LPIPS diversity, one value a prompt, stands with the first of its samples and is NaN with the others,
    so that no test counts it twice. Methods and pictures keep the table's order.
    """
    rows = table.assign(detected=table[DETECTION_RATE.column].astype("boolean").astype("Float64"))
    pictures = rows.groupby(["method", *PICTURE], sort=False, dropna=False, as_index=False)
    values = pictures[[metric.column for metric in METRICS]].mean()
    values = values.rename(columns={metric.column: metric.name for metric in METRICS})
    values = values.astype({metric.name: "float64" for metric in METRICS})
    first = ~values.duplicated(["method", *PROMPT])
    values[LPIPS_DIVERSITY.name] = values[LPIPS_DIVERSITY.name].where(first)
    return values


def scene_means(table: pd.DataFrame) -> pd.DataFrame:
    """The mean of every metric over the pictures of a scene, tidy: method, scene, metric, mean, n_pictures.

    Prompt similarity and background copy: over all pictures. Identity similarity: over the pictures in which a concept
    was found. Detection rate: over the rows (picture and concept) whose class the segmenter knows. LPIPS diversity:
    over the prompts with several samples, which n_pictures then counts. A scene with nothing to average has mean NaN
    and n_pictures 0.
    """
    values = picture_values(table)
    groups = values.groupby(["method", "scene"], sort=False)
    counted = groups[[metric.name for metric in METRICS]].count()
    means = groups[[metric.name for metric in METRICS if metric is not DETECTION_RATE]].mean()
    means[DETECTION_RATE.name] = _detection_rates(table)
    tidy = means.melt(ignore_index=False, var_name="metric", value_name="mean").reset_index()
    counts = counted.melt(ignore_index=False, var_name="metric", value_name="n_pictures").reset_index()
    return tidy.merge(counts, on=["method", "scene", "metric"], sort=False)


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


def _detection_rates(table: pd.DataFrame) -> pd.Series[float]:
    known = table[table[DETECTION_RATE.column].notna()]
    found = known[DETECTION_RATE.column].astype("boolean").astype("float64")
    return found.groupby([known["method"], known["scene"]], sort=False).mean()
