"""The three papers' user studies: what people are asked about a run's pictures, and in which words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bench.core.errors import UserError, did_you_mean
from bench.stats.user_study.answers import SCALE, Kind

Reference = Literal["none", "once", "beside each"]
"""Where the marked concepts of the scene are shown: not at all, once above the pictures, or beside each picture."""


@dataclass(frozen=True)
class StudyTask:
    """One thing that people judge: its name (the answers' `question`), the instruction, and what else is shown."""

    name: str
    instruction: str
    reference: Reference
    shows_text: bool


@dataclass(frozen=True)
class Design:
    """A paper's study. `ends` are the words at both ends of its scale."""

    name: str
    kind: Kind
    tasks: tuple[StudyTask, ...]
    ends: tuple[str, str]
    source: str

    def highest(self, pictures: int) -> int:
        """The highest value of an answer about so many pictures: of the scale, or the last rank."""
        return {"ratings": SCALE[1], "choices": 1, "rankings": pictures}[self.kind]


LIKERT = Design(
    "likert",
    "ratings",
    (
        StudyTask(
            "prompt similarity",
            "For each of the following images, please rate on a scale of 1 to 5 its correspondence to this text "
            "description:",
            "none",
            True,
        ),
        StudyTask(
            "identity similarity",
            "For each of the following image pairs, please rate on a scale of 1 to 5 if they contain the same object "
            "(1 means that they contain totally different objects and 5 means that they contain exactly the same "
            "object). The images can have different backgrounds.",
            "beside each",
            False,
        ),
    ),
    ("do not match at all", "match perfectly"),
    "Break-A-Scene, B.3",
)
FORCED_CHOICE = Design(
    "forced-choice",
    "choices",
    (
        StudyTask(
            "preference",
            "Which image is more faithful both to the objects shown first and to this text description?",
            "once",
            True,
        ),
    ),
    ("", ""),
    "Visual Concept EM, Table 2",
)
RANKING = Design(
    "ranking",
    "rankings",
    (
        StudyTask(
            "edit quality",
            "Please rank the images by how accurately they reflect the objects shown first, from 1 (best) to the last.",
            "once",
            False,
        ),
        StudyTask(
            "prompt similarity",
            "Please rank the images by how well they match this text description, from 1 (best) to the last:",
            "none",
            True,
        ),
    ),
    ("best", "worst"),
    "CLiC, Table 1; a run draws from text, so the text stands in for the target image that CLiC asks to preserve",
)
DESIGNS: Mapping[str, Design] = {design.name: design for design in (LIKERT, FORCED_CHOICE, RANKING)}


def find_design(name: str) -> Design:
    """The design of that name; raises `UserError` for another, naming the known ones."""
    if name not in DESIGNS:
        raise UserError(f"there is no design '{name}'{did_you_mean(name, DESIGNS)} Known: {', '.join(DESIGNS)}")
    return DESIGNS[name]
