"""Prediction-powered inference: a few answers of people and a metric's many values, clustered by scene."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

from bench.stats.intervals import FEWEST, Interval
from bench.stats.scene_means import Floats

METHOD = "prediction-powered, Student t over scenes"


@dataclass(frozen=True)
class PoweredMean:
    """The mean answer, with what the metric knows: its standard error, and the weight that the metric has (0: none).

    `interval` is None below 4 scenes with answers.
    """

    value: float
    error: float
    weight: float
    interval: Interval | None


def powered_mean(
    answers: Floats,
    metric: Floats,
    scenes: pd.Series[str],
    more_metric: Floats,
    more_scenes: pd.Series[str],
    weight: float | None = None,
    level: float = 0.95,
) -> PoweredMean:
    """The mean of people's answers over pictures, few of which they saw, helped by a metric that all pictures have.

    `answers` and `metric` float [n] are of the pictures with an answer, `more_metric` float [N] of the others; `scenes`
    name the scene of each. The estimate is weight * mean(more_metric) + mean(answers - weight * metric), right however
    bad the metric is (Angelopoulos et al. 2023, "Prediction-powered inference", for weight 1). Without a `weight` it is
    that of PPI++ (Angelopoulos, Duchi and Zrnic 2023, section 4), cov(answers, metric) / ((1 + n / N) var(metric)).

    The error is of scenes, whose pictures resemble each other: the sum over scenes of what each adds to the estimate,
    squared (linearisation, with the factor of few clusters over those with answers). With a scene per picture it is
    ppi-python's but for this factor.
    """
    n, more = len(answers), len(more_metric)
    if n < 2 or more < 1:
        raise ValueError(f"{n} answers and {more} other values: at least 2 and 1 are needed")
    weight = _weight(answers, metric, more_metric) if weight is None else weight
    rest = answers - weight * metric
    value = weight * float(more_metric.mean()) + float(rest.mean())
    parts = pd.concat(
        [
            pd.Series((rest - rest.mean()) / n).groupby(np.asarray(scenes)).sum(),
            pd.Series(weight * (more_metric - more_metric.mean()) / more).groupby(np.asarray(more_scenes)).sum(),
        ]
    )
    of_scenes = parts.groupby(level=0).sum()
    clusters = int(scenes.nunique())
    if clusters < 2:
        return PoweredMean(value, math.nan, weight, None)
    error = math.sqrt(float((of_scenes**2).sum()) * clusters / (clusters - 1))
    if clusters < FEWEST:
        return PoweredMean(value, error, weight, None)
    reach = float(scipy.stats.t.ppf((1 + level) / 2, clusters - 1)) * error
    return PoweredMean(value, error, weight, Interval(value - reach, value + reach, level, METHOD, clusters))


def _weight(answers: Floats, metric: Floats, more_metric: Floats) -> float:
    """The weight with the least variance; 0 where the metric does not vary."""
    every = np.concatenate([metric, more_metric])
    variance = float(every.var(ddof=1))
    if variance == 0:
        return 0.0
    covariance = float(((answers - answers.mean()) * (metric - metric.mean())).mean())
    return covariance / ((1 + len(answers) / len(more_metric)) * variance)
