"""User studies as tidy tables: what the report's CSV files hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from bench.stats.dataframes import bounds, overall_record, pair_record
from bench.stats.intervals import Interval
from bench.stats.user_study.choices import ChoicesStudy, Strength
from bench.stats.user_study.rankings import RankingsStudy
from bench.stats.user_study.ratings import RatingsStudy
from bench.stats.user_study.study import Study


def methods_frame(studies: Sequence[Study]) -> pd.DataFrame:
    """One row per question, method and measure: value with its interval."""
    return pd.DataFrame(list(_methods(studies)))


def study_tests_frame(studies: Sequence[Study]) -> pd.DataFrame:
    """One row per test: question, scale, test, unit, first, second (empty: all methods), n, effect, interval, p."""
    return pd.DataFrame(list(_tests(studies)))


def agreement_frame(studies: Sequence[Study]) -> pd.DataFrame:
    """One row per question and measure: Krippendorff's alpha of raters, tau and rho of every metric with people."""
    rows: list[dict[str, object]] = []
    for study in studies:
        alpha = f"Krippendorff's alpha, {study.alpha.level}"
        rows.append(_row(study, "raters", alpha, study.alpha.value, study.alpha.interval, study.alpha.raters))
        for each in study.correlations:
            rows.append(_row(study, each.metric, "Kendall's tau", each.kendall, each.kendall_interval, each.n))
            rows.append(_row(study, each.metric, "Spearman's rho", each.spearman, each.spearman_interval, each.n))
    return pd.DataFrame(rows)


def _row(study: Study, who: str, measure: str, value: float, interval: Interval | None, n: int) -> dict[str, object]:
    question = study.answers.question
    return {"question": question, "who": who, "measure": measure, "n": n, "value": value, **bounds(interval)}


def _methods(studies: Sequence[Study]) -> Iterator[dict[str, object]]:
    for study in studies:
        result, methods = study.result, study.answers.methods
        if isinstance(result, RatingsStudy):
            for described, (mean, interval) in zip(result.moments, result.means, strict=True):
                yield _value(study, described.method, f"mean rating over {study.answers.unit}", mean, interval)
                yield _value(study, described.method, "mean rating over answers", described.mean, None)
                yield _value(study, described.method, "standard deviation over answers", described.deviation, None)
                yield _value(study, described.method, "variance over answers", described.variance, None)
        elif isinstance(result, RankingsStudy):
            for method, (mean, interval) in zip(methods, result.mean_ranks, strict=True):
                yield _value(study, method, "mean rank, 1 is best", mean, interval)
            yield from _strengths(study, "Plackett-Luce log strength", result.strengths)
        else:
            yield from _strengths(study, "Bradley-Terry log strength, with ties", result.strengths)


def _strengths(study: Study, measure: str, strengths: Sequence[Strength]) -> Iterator[dict[str, object]]:
    for strength in strengths:
        yield _value(study, strength.method, measure, strength.value, strength.interval)


def _value(study: Study, method: str, measure: str, value: float, interval: Interval | None) -> dict[str, object]:
    question = study.answers.question
    return {"question": question, "method": method, "measure": measure, "value": value, **bounds(interval)}


def _tests(studies: Sequence[Study]) -> Iterator[dict[str, object]]:
    for study in studies:
        question = study.answers.question
        if isinstance(study.result, ChoicesStudy):
            for contest in study.result.contests:
                yield {"question": question, "scale": "preference", **pair_record(contest.preference)}
                yield {"question": question, "scale": "decided answers", **pair_record(contest.decided)}
            continue
        for tested in study.result.tests:
            for record in (overall_record(tested.overall), *map(pair_record, tested.pairs)):
                yield {"question": question, "scale": tested.scale, **record}
