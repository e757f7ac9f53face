"""One question of a user study with everything worked out: tests, agreement of raters, agreement of metrics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.scoring.catalogue import METRICS
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


def study(answers: Answers, table: pd.DataFrame) -> Study:
    """Analyse a question beside the table of scores of the run that the people looked at."""
    match = _match(answers, table)
    correlations = _correlations(answers, table, match) if match else ()
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


def _correlations(answers: Answers, table: pd.DataFrame, match: str) -> tuple[Correlation, ...]:
    people = peoples_scores(answers, "picture" if match == "picture" else "cluster")
    metrics = _by_picture(table) if match == "picture" else _by_scene(table)
    if match == "scene":
        people = people.rename(columns={"cluster": "scene"})
    joined = people.drop(columns="cluster", errors="ignore").merge(metrics, on=["method", match])
    correlations = []
    for metric in METRICS:
        sign = 1.0 if metric.higher_is_better else -1.0
        rows = joined[joined[metric.name].notna()]
        scores = sign * rows[metric.name].to_numpy(dtype=np.float64)
        opinions = rows["people"].to_numpy(dtype=np.float64)
        correlations.append(correlate(metric.name, scores, opinions, rows["scene"].to_numpy(dtype=np.str_)))
    return tuple(correlations)


def _by_picture(table: pd.DataFrame) -> pd.DataFrame:
    """A row a method and picture: `picture`, `scene` and every metric by name."""
    names = table[["method", *PICTURE, "picture"]].drop_duplicates()
    return picture_values(table).merge(names, on=["method", *PICTURE])


def _by_scene(table: pd.DataFrame) -> pd.DataFrame:
    """A row a method and scene: `scene` and every metric by name."""
    return scene_means(table).pivot(index=["method", "scene"], columns="metric", values="mean").reset_index()
