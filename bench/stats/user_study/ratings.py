"""Ratings on a Likert scale, 1 to 5: ordinal tests over answers, items and raters, raw and standardised by rater."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.stats.effects import IMPROVEMENT, Effect, win_share
from bench.stats.independent import Moments, kruskal_wallis, moments, tukey
from bench.stats.intervals import Interval, mean_interval
from bench.stats.paired import whole
from bench.stats.user_study.answers import SCALE, Answers
from bench.stats.user_study.paired import Tested, compare_both_ways, means_by

RAW, STANDARDISED = "raw", "standardised by rater"


@dataclass(frozen=True)
class RatingsStudy:
    """One question: moments as in a paper's table, means over items with intervals, tests and effects.

    `means` are by method, over the items that every method has, and NaN without any. `wins` hold P(the first method
    is rated higher than the second by the same rater on the same item), ties counting half.
    """

    answers: Answers
    moments: tuple[Moments, ...]
    means: tuple[tuple[float, Interval | None], ...]
    tests: tuple[Tested, ...]
    wins: tuple[Effect, ...]


def study_ratings(answers: Answers) -> RatingsStudy:
    """Analyse ratings.

    Kruskal-Wallis and Tukey over answers are Break-A-Scene's (B.3), and take a rater's answers for independent;
    Friedman and Wilcoxon by item and by rater do not. All but Tukey and the means use the order of ratings only.
    """
    frame, methods = answers.frame, answers.methods
    groups = [frame.loc[frame["method"] == name, "rating"].to_numpy(dtype=np.float64) for name in methods]
    standard = frame.assign(rating=standardise(frame))
    over_answers = Tested(RAW, "answers", kruskal_wallis(groups, "answers"), tukey(methods, groups, "answers"))
    tests = (
        *compare_both_ways(frame, "rating", methods, answers.unit, RAW),
        *compare_both_ways(standard, "rating", methods, answers.unit, STANDARDISED),
        over_answers,
    )
    columns = whole(means_by(frame, "cluster", "rating", methods)).T
    limits = (float(SCALE[0]), float(SCALE[1]))
    means = tuple(
        (float(column.mean()) if len(column) else math.nan, mean_interval(column, limits)) for column in columns
    )
    described = tuple(moments(name, answers.question, group) for name, group in zip(methods, groups, strict=True))
    return RatingsStudy(answers, described, means, tests, _wins(answers))


def standardise(frame: pd.DataFrame) -> pd.Series[float]:
    """Every rating less its rater's mean, in units of its rater's standard deviation.

    A rater who gives one rating only prefers nothing: 0 throughout.
    """
    by_rater = frame.groupby("rater")["rating"]
    centred = frame["rating"] - by_rater.transform("mean")
    spread = by_rater.transform("std")
    return (centred / spread).where(spread > 0, 0.0)


def _wins(answers: Answers) -> tuple[Effect, ...]:
    """Over answers of the same rater to the same item; the mean over items, with the interval over items."""
    wide = answers.frame.pivot_table(index=["cluster", "rater", "item"], columns="method", values="rating")
    effects: list[Effect] = []
    for i, first in enumerate(answers.methods):
        for second in answers.methods[i + 1 :]:
            both = wide[[first, second]].dropna()
            won = pd.Series(
                [win_share(np.array([a]), np.array([b])) for a, b in both.itertuples(index=False)],
                index=both.index,
                dtype="float64",
            )
            shares = won.groupby(level="cluster").mean().to_numpy(dtype=np.float64)
            value = float(shares.mean()) if len(shares) else math.nan
            interval = mean_interval(shares, (0.0, 1.0))
            effects.append(Effect(IMPROVEMENT, answers.question, first, second, len(shares), value, interval))
    return tuple(effects)
