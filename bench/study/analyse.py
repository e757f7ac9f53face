"""From what raters sent back to the CSV of answers that the `user-study` report reads."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from bench.core.errors import UserError
from bench.core.files import write_bytes
from bench.stats.user_study.answers import NEUTRAL
from bench.study.checks import CheckedAnswers, StudyAnswer, check_answers
from bench.study.record import ShownPicture, StudyRecord
from bench.study.results import read_results

ANSWERS, RATERS = "answers.csv", "raters.csv"


def analyse_study(
    record: StudyRecord, results: Iterable[Path], out: Path, most_failed: int, keep: Sequence[str] = ()
) -> CheckedAnswers:
    """Read and check what came back, and write `answers.csv` (as `read_answers` reads it) and `raters.csv` into `out`.

    Raises `UserError` for results that cannot be read, for a rater to `keep` who sent none, and where no answer is
    left.
    """
    checked = check_answers(record, read_results(results, record), most_failed, keep)
    known = [rater.rater for rater in checked.raters]
    if unknown := [rater for rater in keep if rater not in known]:
        raise UserError(f"--keep: there are no results of a rater '{unknown[0]}'; known: {', '.join(known)}")
    write_bytes(out / RATERS, pd.DataFrame([asdict(rater) for rater in checked.raters]).to_csv(index=False).encode())
    if not checked.answers:
        raise UserError(f"no answer is left to analyse; {out / RATERS} says why")
    write_bytes(out / ANSWERS, answers_csv(record, checked.answers).encode())
    return checked


def answers_csv(record: StudyRecord, answers: Iterable[StudyAnswer]) -> str:
    """The answers with methods, in the run's order, in place of tokens; a row each."""
    rows = {"ratings": _ratings, "choices": _choices, "rankings": _rankings}[record.how.kind]
    frame = pd.DataFrame([row for answer in answers for row in rows(answer, record.methods)])
    return frame.to_csv(index=False, quoting=csv.QUOTE_ALL)  # unquoted, a rater's leading # would begin a comment


def _shared(answer: StudyAnswer) -> dict[str, object]:
    question = answer.question
    return {"rater": answer.rater, "item": question.id, "question": question.task, "scene": question.scene}


def _in_order(answer: StudyAnswer, methods: Sequence[str]) -> list[tuple[str, ShownPicture]]:
    """The answer's pictures by token, in the order of their methods."""
    return sorted(answer.question.pictures.items(), key=lambda one: methods.index(one[1].method))


def _ratings(answer: StudyAnswer, methods: Sequence[str]) -> Iterator[dict[str, object]]:
    for token, shown in _in_order(answer, methods):
        row = {"picture": shown.picture, "method": shown.method, "rating": answer.values[token]}
        yield {**_shared(answer), **row}


def _rankings(answer: StudyAnswer, methods: Sequence[str]) -> Iterator[dict[str, object]]:
    for token, shown in _in_order(answer, methods):
        row = {"picture": shown.picture, "method": shown.method, "rank": answer.values[token]}
        yield {**_shared(answer), **row}


def _choices(answer: StudyAnswer, methods: Sequence[str]) -> Iterator[dict[str, object]]:
    names = {token: shown.method for token, shown in _in_order(answer, methods)}
    first, second = names.values()
    (chosen,) = answer.values
    yield {**_shared(answer), "first": first, "second": second, "choice": names.get(chosen, NEUTRAL)}
