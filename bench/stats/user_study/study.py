"""One question of a user study with everything worked out: tests, agreement of raters, agreement of metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.plugins.metric import Column
from bench.stats.scene_means import PICTURE, picture_values, scene_means
from bench.stats.user_study.agreement import Alpha, Correlation, agreement_of_raters, correlate, peoples_scores
from bench.stats.user_study.answers import Answers
from bench.stats.user_study.choices import ChoicesStudy, study_choices
from bench.stats.user_study.rankings import RankingsStudy, study_rankings
from bench.stats.user_study.ratings import RatingsStudy, study_ratings


@dataclass(frozen=True)
class Study:
    """A question's answers and what they say. `match` says what people's and metrics' scores were joined by, or is
    empty where nothing in the answers names a picture or a scene of the run.
    """

    answers: Answers
    result: RatingsStudy | ChoicesStudy | RankingsStudy
    alpha: Alpha
    correlations: tuple[Correlation, ...]
    match: str


def make_study(answers: Answers, table: pd.DataFrame, metrics: Sequence[Column]) -> Study:
    """Analyse a question beside the table of scores of the run that the people looked at, in these metrics."""
    match = _match(answers, table)
    correlations = _correlations(answers, table, metrics, match) if match else ()
    return Study(answers, _analyse(answers), agreement_of_raters(answers), correlations, match)


def _analyse(answers: Answers) -> RatingsStudy | ChoicesStudy | RankingsStudy:
    if answers.kind == "ratings":
        return study_ratings(answers)
    return study_choices(answers) if answers.kind == "choices" else study_rankings(answers)


def _match(answers: Answers, table: pd.DataFrame) -> str:
    """`picture` or `scene`: what the answers name of the run; empty if neither."""
    frame = answers.frame
    if "picture" in frame and answers.kind != "choices" and frame["picture"].isin(table["picture"]).any():
        return "picture"
    return "scene" if frame["cluster"].isin(table["scene"]).any() else ""


def _correlations(
    answers: Answers, table: pd.DataFrame, metrics: Sequence[Column], match: str
) -> tuple[Correlation, ...]:
    people = peoples_scores(answers, "picture" if match == "picture" else "cluster")
    scored = _by_picture(table, metrics) if match == "picture" else _by_scene(table, metrics)
    if match == "scene":
        people = people.rename(columns={"cluster": "scene"})
    joined = people.drop(columns="cluster", errors="ignore").merge(scored, on=["method", match])
    correlations = []
    for metric in metrics:
        sign = 1.0 if metric.higher_is_better else -1.0
        rows = joined[joined[metric.label].notna()]
        scores = sign * rows[metric.label].to_numpy(dtype=np.float64)
        opinions = rows["people"].to_numpy(dtype=np.float64)
        correlations.append(correlate(metric.label, scores, opinions, rows["scene"].to_numpy(dtype=np.str_)))
    return tuple(correlations)


def _by_picture(table: pd.DataFrame, metrics: Sequence[Column]) -> pd.DataFrame:
    """A row per method and picture: `picture`, `scene` and every metric by label."""
    names = table[["method", *PICTURE, "picture"]].drop_duplicates()
    return picture_values(table, metrics).merge(names, on=["method", *PICTURE])


def _by_scene(table: pd.DataFrame, metrics: Sequence[Column]) -> pd.DataFrame:
    """A row per method and scene: every metric by label."""
    return scene_means(table, metrics).pivot(index=["method", "scene"], columns="metric", values="mean").reset_index()
