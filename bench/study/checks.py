"""Checks what raters sent: doubled and incomplete answers, attention checks that were failed, straight-lining."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.core.text import count
from bench.stats.user_study.answers import NEUTRAL, SCALE, Kind
from bench.study.record import StudyQuestion, StudyRecord
from bench.study.responses import RaterResponse

STRAIGHT, FEWEST = 0.95, 10
"""Share of values that are the same for a rater to be straight-lining, and the fewest values to say so."""


@dataclass(frozen=True)
class StudyAnswer:
    """One rater's whole answer to one question: its responses, one per picture or the choice alone."""

    rater: str
    question: StudyQuestion
    responses: tuple[RaterResponse, ...]

    @property
    def values(self) -> dict[str, int]:
        """What was given, by option."""
        return {response.option: response.value for response in self.responses}

    def is_complete(self, kind: Kind) -> bool:
        """Whether it is one choice, a rating on the scale for every picture, or a ranking of them all."""
        values = sorted(self.values.values())
        if len(values) != len(self.responses):
            return False
        if kind == "choices":
            known = (*self.question.pictures, NEUTRAL)
            return values == [1] and all(response.option in known for response in self.responses)
        if self.values.keys() != self.question.pictures.keys():
            return False
        if kind == "rankings":
            return values == list(range(1, len(values) + 1))
        return SCALE[0] <= values[0] and values[-1] <= SCALE[1]


@dataclass(frozen=True)
class RaterCheck:
    """What the checks found of one rater; `left_out` says why none of their answers count, empty if they do.

    `asked` is None where nobody knows how many questions they were given (other platforms). `same` is the share of
    their most frequent rating, place chosen, or rank for a place; NaN-free: 0 below `FEWEST` values.
    """

    rater: str
    answered: int
    asked: int | None
    incomplete: int
    doubled: int
    checks: int
    failed: int
    same: float
    seconds: float
    left_out: str


@dataclass(frozen=True)
class CheckedAnswers:
    """The answers that count, of real questions alone, and what was found of every rater."""

    answers: tuple[StudyAnswer, ...]
    raters: tuple[RaterCheck, ...]


def check_answers(
    record: StudyRecord,
    results: Sequence[tuple[Path, tuple[RaterResponse, ...]]],
    most_failed: int,
    keep: Iterable[str] = (),
) -> CheckedAnswers:
    """Check the results of a study, file by file.

    Of several answers of a rater to a question the first counts, incomplete ones do not. A rater who fails more than
    `most_failed` attention checks, or who is straight-lining, is left out unless in `keep`.
    """
    kind = record.how.kind
    found, doubled = _first_answers(record, results)
    by_rater: dict[str, list[StudyAnswer]] = {}
    for answer in found:
        by_rater.setdefault(answer.rater, []).append(answer)
    raters = [
        _rater(record, rater, answers, doubled[rater], most_failed, kept=rater in set(keep))
        for rater, answers in by_rater.items()
    ]
    out = {rater.rater for rater in raters if rater.left_out}
    real = (one for one in found if not one.question.is_check and one.is_complete(kind) and one.rater not in out)
    return CheckedAnswers(tuple(real), tuple(raters))


def _first_answers(
    record: StudyRecord, results: Sequence[tuple[Path, tuple[RaterResponse, ...]]]
) -> tuple[list[StudyAnswer], Counter[str]]:
    """The first complete answer of every rater to every question, else the first; and how many more there were."""
    kind, known = record.how.kind, record.by_id
    first: dict[tuple[str, str], StudyAnswer] = {}
    doubled: Counter[str] = Counter()
    for _, responses in results:
        for (rater, question), rows in _grouped(responses).items():
            for part in _split(rows, len(known[question].pictures) if kind != "choices" else 1):
                answer = StudyAnswer(rater, known[question], part)
                earlier = first.setdefault((rater, question), answer)
                if earlier is not answer:
                    doubled[rater] += 1
                    if not earlier.is_complete(kind) and answer.is_complete(kind):
                        first[rater, question] = answer
    return list(first.values()), doubled


def _grouped(responses: Iterable[RaterResponse]) -> Mapping[tuple[str, str], list[RaterResponse]]:
    groups: dict[tuple[str, str], list[RaterResponse]] = {}
    for response in responses:
        groups.setdefault((response.rater, response.question), []).append(response)
    return groups


def _split(rows: list[RaterResponse], each: int) -> list[tuple[RaterResponse, ...]]:
    """A rater's rows of one question in one file as answers of `each` rows."""
    return [tuple(rows[start : start + each]) for start in range(0, len(rows), each)]


def _rater(
    record: StudyRecord, rater: str, answers: Sequence[StudyAnswer], doubled: int, most_failed: int, *, kept: bool
) -> RaterCheck:
    kind = record.how.kind
    checks = [answer for answer in answers if answer.question.is_check]
    real = [answer for answer in answers if not answer.question.is_check]
    failed = sum(dict(answer.question.expected) != answer.values for answer in checks)
    same = _most_frequent(kind, real)
    plan = record.plan.get(rater)
    known = record.by_id
    reasons = []
    if failed > most_failed:
        reasons.append(f"failed {count(failed, 'attention check')} of {len(checks)}")
    if same >= STRAIGHT:
        reasons.append(f"straight-lining: {100 * same:.0f} % the same")
    return RaterCheck(
        rater,
        answered=sum(answer.is_complete(kind) for answer in real),
        asked=None if plan is None else sum(not known[one.question].is_check for one in plan),
        incomplete=sum(not answer.is_complete(kind) for answer in real),
        doubled=doubled,
        checks=len(checks),
        failed=failed,
        same=same,
        seconds=median(answer.responses[0].seconds for answer in answers),
        left_out="" if kept else "; ".join(reasons),
    )


def _most_frequent(kind: Kind, answers: Sequence[StudyAnswer]) -> float:
    """The share of the most frequent rating, of the place that was chosen most, or of ranks in the order shown."""
    responses = [response for answer in answers for response in answer.responses]
    if len(responses) < FEWEST:
        return 0.0
    if kind == "ratings":
        given = Counter(response.value for response in responses)
    elif kind == "choices":
        given = Counter(response.place for response in responses)
    else:
        given = Counter(response.value - response.place for response in responses)
    return max(given.values()) / len(responses)
