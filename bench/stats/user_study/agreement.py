"""Agreement: of raters with each other (Krippendorff's alpha), and of metrics with people (Kendall, Spearman)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from bench.stats.intervals import Interval
from bench.stats.jackknife import correlation_interval, jackknife_interval
from bench.stats.scene_means import Floats
from bench.stats.user_study.answers import NEUTRAL, Answers

Level = Literal["nominal", "ordinal"]


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's alpha: 1 is perfect agreement, 0 what chance gives; NaN with a `reason` if it is undefined."""

    value: float
    interval: Interval | None
    raters: int
    level: Level
    reason: str = ""


@dataclass(frozen=True)
class Correlation:
    """How well a metric orders methods' results as people do; NaN below 2 results or without any variation.

    `n` counts results (a method on a scene, or a picture), `clusters` the scenes that the intervals rest on.
    """

    metric: str
    n: int
    clusters: int
    kendall: float
    kendall_interval: Interval | None
    spearman: float
    spearman_interval: Interval | None


def agreement_of_raters(answers: Answers) -> Alpha:
    """Krippendorff's alpha of a study: ordinal for ratings and ranks, nominal for choices.

    The interval leaves out one item (or scene) at a time.
    """
    level: Level = "nominal" if answers.kind == "choices" else "ordinal"
    matrix, clusters = _reliability(answers)
    value = alpha(matrix, level)
    if math.isnan(value):
        reason = "no item has two raters, or all answers are equal"
        return Alpha(value, None, len(matrix), level, reason)
    without = np.array([alpha(matrix[:, clusters != one], level) for one in np.unique(clusters)])
    return Alpha(value, jackknife_interval(value, without, (-1.0, 1.0)), len(matrix), level)


def alpha(matrix: Floats, level: Level) -> float:
    """Krippendorff's alpha of answers float [raters, units], NaN where a rater did not answer.

    NaN if no unit has two answers or if there is one value only. (Krippendorff 2004; package `krippendorff`.)
    """
    import krippendorff  # noqa: PLC0415 - slow to import

    shared = matrix[:, (~np.isnan(matrix)).sum(axis=0) > 1]
    values = np.unique(shared[~np.isnan(shared)])
    if len(values) < 2:
        return math.nan
    return float(krippendorff.alpha(reliability_data=shared, level_of_measurement=level))


def correlate(metric: str, scores: Floats, people: Floats, clusters: NDArray[np.str_]) -> Correlation:
    """Kendall's tau-b and Spearman's rho of a metric's scores and people's, float [n] each, none NaN.

    `clusters`, str [n], are the scenes of the results: the intervals leave out one at a time, on Fisher's scale.
    """
    names = np.unique(clusters)
    kendall, spearman = _kendall(scores, people), _spearman(scores, people)
    kept = [clusters != name for name in names]
    taus = np.array([_kendall(scores[keep], people[keep]) for keep in kept])
    rhos = np.array([_spearman(scores[keep], people[keep]) for keep in kept])
    return Correlation(
        metric,
        len(scores),
        len(names),
        kendall,
        correlation_interval(kendall, taus),
        spearman,
        correlation_interval(spearman, rhos),
    )


def peoples_scores(answers: Answers, key: str) -> pd.DataFrame:
    """What people think of each method's result, a row each: method, `key` (a column of the answers), cluster, people.

    Ratings: their mean. Rankings: minus the mean rank. Choices: the share of answers for the method less the share
    against it.
    """
    frame = answers.frame
    if answers.kind == "choices":
        frame = pd.concat([_sided(frame, side) for side in ("first", "second")])
    else:
        sign, column = (1.0, "rating") if answers.kind == "ratings" else (-1.0, "rank")
        frame = frame.assign(people=sign * frame[column])
    keys = list(dict.fromkeys(["method", key, "cluster"]))
    return frame.groupby(keys, sort=False)["people"].mean().reset_index()


def _sided(frame: pd.DataFrame, side: str) -> pd.DataFrame:
    chosen = (frame["choice"] == frame[side]).astype("float64")
    neither = (frame["choice"] == NEUTRAL).astype("float64")
    return frame.assign(method=frame[side], people=2 * chosen + neither - 1)


def _reliability(answers: Answers) -> tuple[Floats, NDArray[np.object_]]:
    """Answers as numbers [raters, units], and each unit's cluster [units]."""
    frame = answers.frame
    if answers.kind == "choices":
        low = frame[["first", "second"]].min(axis=1)
        values = pd.Series(np.select([frame["choice"] == NEUTRAL, frame["choice"] == low], [1.0, 0.0], 2.0))
        frame = frame.assign(value=values, method=low + "|" + frame[["first", "second"]].max(axis=1))
    else:
        frame = frame.assign(value=frame["rating" if answers.kind == "ratings" else "rank"])
    wide = frame.pivot_table(index="rater", columns=["cluster", "item", "method"], values="value")
    return np.asarray(wide, dtype=np.float64), np.asarray(wide.columns.get_level_values("cluster"), dtype=object)


def _kendall(first: Floats, second: Floats) -> float:
    if not _varied(first, second):
        return math.nan
    return float(np.asarray(scipy.stats.kendalltau(first, second)[0]))


def _spearman(first: Floats, second: Floats) -> float:
    if not _varied(first, second):
        return math.nan
    return float(np.asarray(scipy.stats.spearmanr(first, second)[0]))


def _varied(first: Floats, second: Floats) -> bool:
    return len(first) > 1 and bool(np.ptp(first) > 0 and np.ptp(second) > 0)
