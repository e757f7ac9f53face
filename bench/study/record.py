"""`key.json`: what each picture and each question of a study is. It stays with whoever made the study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.core.errors import UserError
from bench.core.files import read_record, write_json
from bench.study.designs import Design, find_design

KEY, SCHEMA = "key.json", 1


@dataclass(frozen=True)
class ShownPicture:
    """Whose picture stands behind a token, and its key in the run (`picture` in scores.parquet)."""

    method: str
    picture: str


@dataclass(frozen=True)
class StudyQuestion:
    """One question about the pictures of one prompt.

    `pictures` are by token: what a rater sees of a name. `reference` is the token of the marked concepts' picture,
    empty where none is shown. `expected`, of an attention check alone, is the answer that its instruction asks for.
    """

    id: str
    task: str
    instruction: str
    scene: str
    text: str
    reference: str
    pictures: Mapping[str, ShownPicture]
    expected: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_check(self) -> bool:
        """Whether it only checks attention."""
        return bool(self.expected)


@dataclass(frozen=True)
class PlacedQuestion:
    """A question as one rater sees it: its pictures' tokens in the order shown."""

    question: str
    pictures: tuple[str, ...]


@dataclass(frozen=True)
class StudyRecord:
    """A whole study: its questions, and which each rater (by code) is asked, in which order.

    `run` is the run's folder as it was named, `dataset` the name of its dataset; `methods` are in the run's order.
    """

    study: str
    design: str
    title: str
    introduction: str
    run: str
    dataset: str
    methods: tuple[str, ...]
    seed: int
    questions: tuple[StudyQuestion, ...]
    plan: Mapping[str, tuple[PlacedQuestion, ...]]

    @property
    def by_id(self) -> dict[str, StudyQuestion]:
        """The questions by id."""
        return {question.id: question for question in self.questions}

    @property
    def how(self) -> Design:
        """The design."""
        return find_design(self.design)


def write_study(folder: Path, record: StudyRecord) -> None:
    """Write `key.json`."""
    write_json(folder / KEY, asdict(record), SCHEMA)


def read_study(folder: Path) -> StudyRecord:
    """Read `key.json` of a study's folder; raises `UserError` if it is missing or damaged."""
    if not (folder / KEY).is_file():
        raise UserError(f"{folder} is not a study (it has no {KEY}); `bench study build` makes one")
    record: StudyRecord = read_record(folder / KEY, SCHEMA, StudyRecord)
    return record
