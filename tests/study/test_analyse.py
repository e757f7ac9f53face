"""Answers that came back: read, checked, and handed to the statistics."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.core.errors import UserError
from bench.stats.user_study.answers import NEUTRAL, read_answers
from bench.stats.user_study.choices import study_choices
from bench.stats.user_study.rankings import study_rankings
from bench.stats.user_study.ratings import study_ratings
from bench.study.analyse import analyse_study
from bench.study.checks import CheckedAnswers
from bench.study.record import StudyQuestion, StudyRecord

from .conftest import METHODS, Answer, page_rows

Build = Callable[..., tuple[Path, StudyRecord]]
Send = Callable[..., Path]
LIKED = {"ZORP": 4.2, "QUUX": 3.2, "BLARG": 2.0}
"""What simulated raters think of each method on a scale of 1 to 5."""


def felt(rater: str, question: StudyQuestion) -> dict[str, float]:
    """A rater's opinion of each picture: the method's, and noise of standard deviation 0.6."""
    names = sorted(question.pictures)
    seed = [ord(letter) for letter in rater + question.id]
    noise = np.random.default_rng(seed).normal(0, 0.6, len(names))
    return {token: LIKED[question.pictures[token].method] + extra for token, extra in zip(names, noise, strict=True)}


def rated(rater: str, question: StudyQuestion, shown: tuple[str, ...]) -> Mapping[str, int]:
    return {token: int(np.clip(round(value), 1, 5)) for token, value in felt(rater, question).items()}


def chosen(rater: str, question: StudyQuestion, shown: tuple[str, ...]) -> Mapping[str, int]:
    opinion = felt(rater, question)
    (first, second) = shown
    close = abs(opinion[first] - opinion[second]) < 0.3
    return {NEUTRAL if close else max(opinion, key=opinion.__getitem__): 1}


def ranked(rater: str, question: StudyQuestion, shown: tuple[str, ...]) -> Mapping[str, int]:
    opinion = felt(rater, question)
    return {token: rank for rank, token in enumerate(sorted(opinion, key=lambda token: -opinion[token]), 1)}


def analysed(record: StudyRecord, results: Path, most_failed: int = 0, keep: tuple[str, ...] = ()) -> CheckedAnswers:
    return analyse_study(record, [results], results / "out", most_failed, keep)


def test_ratings_of_simulated_raters_are_recovered(build: Build, send: Send) -> None:
    _, record = build("likert")
    results = send(record, rated)
    analysed(record, results)
    studies = read_answers(results / "out" / "answers.csv")
    assert {one.question for one in studies} == {"prompt similarity", "identity similarity"}
    for answers in studies:
        study = study_ratings(answers)
        assert len(answers.frame) == 12 * 6 * 3
        assert answers.methods == METHODS
        for method, (mean, interval) in zip(answers.methods, study.means, strict=True):
            assert mean == pytest.approx(LIKED[method], abs=0.2)
            assert interval is not None
            assert interval.n == 6  # scenes
        assert all(pair.p is not None and pair.p < 0.1 for pair in study.tests[1].pairs)  # by rater


def test_choices_of_simulated_raters_are_recovered(build: Build, send: Send) -> None:
    _, record = build("forced-choice", questions=18)
    results = send(record, chosen)
    analysed(record, results)
    (answers,) = read_answers(results / "out" / "answers.csv")
    study = study_choices(answers)
    for contest in study.contests:
        better = contest.wins > contest.losses
        assert better == (LIKED[contest.first] > LIKED[contest.second])
        assert contest.wins + contest.neutral + contest.losses == 6 * 6
    assert answers.frame["choice"].eq(NEUTRAL).mean() == pytest.approx(0.1, abs=0.08)


def test_rankings_of_simulated_raters_are_recovered(build: Build, send: Send) -> None:
    _, record = build("ranking")
    results = send(record, ranked)
    analysed(record, results)
    for answers in read_answers(results / "out" / "answers.csv"):
        means = dict(zip(answers.methods, (mean for mean, _ in study_rankings(answers).mean_ranks), strict=True))
        assert sorted(means, key=means.__getitem__) == ["ZORP", "QUUX", "BLARG"]
        assert sum(means.values()) == pytest.approx(6)


def test_who_fails_checks_or_always_answers_the_same_is_left_out(build: Build, send: Send) -> None:
    _, record = build("likert")
    careless, straight, good = list(record.plan)[:3]
    results = send(record, rated, (careless, straight, good))
    for rater, spoil in ((careless, True), (straight, False)):
        file = results / f"{rater}.json"
        content = json.loads(file.read_text())
        for row in content["rows"]:
            if record.by_id[row["question"]].is_check == spoil:
                row["value"] = 3
        file.write_text(json.dumps(content))
    checked = analysed(record, results)
    told = {rater.rater: rater.left_out for rater in checked.raters}
    assert told == {
        careless: "failed 2 attention checks of 2",
        straight: "straight-lining: 100 % the same",
        good: "",
    }
    assert {answer.rater for answer in checked.answers} == {good}
    assert not any(answer.question.is_check for answer in checked.answers)
    assert {answer.rater for answer in analysed(record, results, most_failed=2).answers} == {careless, good}
    assert {answer.rater for answer in analysed(record, results, keep=(straight,)).answers} == {straight, good}
    with pytest.raises(UserError, match="no results of a rater 'nobody'"):
        analysed(record, results, keep=("nobody",))


@pytest.mark.parametrize("design", ["forced-choice", "ranking"])
def test_straight_lining_is_by_place_where_no_scale_is(build: Build, send: Send, design: str) -> None:
    def as_shown(rater: str, question: StudyQuestion, shown: tuple[str, ...]) -> Mapping[str, int]:
        return {shown[0]: 1} if design == "forced-choice" else {token: n for n, token in enumerate(shown, 1)}

    _, record = build(design)
    results = send(record, as_shown)
    with pytest.raises(UserError, match="no answer is left to analyse"):
        analysed(record, results)
    found = pd.read_csv(results / "out" / "raters.csv")
    assert set(found["left_out"]) == {"straight-lining: 100 % the same"}


def test_doubled_and_incomplete_answers(build: Build, send: Send) -> None:
    _, record = build("likert")
    rater = next(iter(record.plan))
    results = send(record, rated, (rater,))
    content = json.loads((results / f"{rater}.json").read_text())
    first = content["rows"][0]
    later = [{**row, "value": 6 - row["value"]} for row in content["rows"] if row["question"] == first["question"]]
    (results / "sent-again.json").write_text(json.dumps({**content, "rows": later}))
    last = content["rows"].pop()
    (results / f"{rater}.json").write_text(json.dumps(content))
    checked = analysed(record, results)
    (found,) = checked.raters
    assert (found.doubled, found.incomplete, found.answered, found.asked) == (1, 1, 23, 24)
    kept = next(one for one in checked.answers if one.question.id == first["question"])
    assert kept.values[first["option"]] == first["value"]
    assert last["question"] not in {one.question.id for one in checked.answers}


def one_csv(results: Path, record: StudyRecord, answer: Answer, study: str) -> None:
    """The CSV files of all raters under one header; the last rater's are answers to the study `study`."""
    own = dict.fromkeys(record.plan, record.study) | {list(record.plan)[-1]: study}
    rows = [
        {"study": named, "rater": rater, **row}
        for rater, named in own.items()
        for row in page_rows(record, rater, answer)
    ]
    results.mkdir()
    pd.DataFrame(rows).to_csv(results / "all.csv", index=False)


def test_one_csv_of_several_raters_is_the_same_as_a_file_each(build: Build, send: Send, tmp_path: Path) -> None:
    _, record = build("likert")
    apart = analysed(record, send(record, rated))
    one_csv(tmp_path / "together", record, rated, record.study)
    together = analysed(record, tmp_path / "together")
    assert together.raters == apart.raters
    assert together.answers == apart.answers
    assert len(together.raters) == 6


def test_rows_of_another_study_within_a_csv_are_refused(build: Build, tmp_path: Path) -> None:
    _, record = build("likert")
    one_csv(tmp_path / "together", record, rated, "0123")
    with pytest.raises(UserError, match=r"all\.csv holds answers of the study 0123, not of"):
        analysed(record, tmp_path / "together")


def test_results_that_cannot_be_read(build: Build, send: Send, tmp_path: Path) -> None:
    _, record = build("likert")
    with pytest.raises(UserError, match="no results to read"):
        analysed(record, tmp_path / "run-of-ZORP")
    results = send(record, rated, (next(iter(record.plan)),))
    (file,) = results.glob("*.json")
    whole = json.loads(file.read_text())
    spoiled = {
        "not of this study|of the study 0123": {**whole, "study": "0123"},
        "schema 9": {**whole, "schema": 9},
        "did not ask": {**whole, "rows": [{**whole["rows"][0], "question": "none"}]},
        "was not shown": {**whole, "rows": [{**whole["rows"][0], "option": "none"}]},
        "not a whole number": {**whole, "rows": [{**whole["rows"][0], "value": "many"}]},
        "holds no results": {"schema": 1},
    }
    for message, content in spoiled.items():
        file.write_text(json.dumps(content))
        with pytest.raises(UserError, match=message):
            analysed(record, results)
    file.write_text("{")
    with pytest.raises(UserError, match="holds no results"):
        analysed(record, results)
