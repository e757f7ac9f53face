"""What `bench masks` is asked for: words, points or boxes, read from texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from bench.core.errors import UserError
from bench.data.builders.folder import MOST_MASKS
from bench.data.builders.remarks import LABELS

Point: TypeAlias = tuple[float, float]
Box: TypeAlias = tuple[float, float, float, float]


@dataclass(frozen=True)
class Marks:
    """Where each concept is: a group of points inside it (x, y), or a box (left, top, right, bottom), in pixels.

    One of the two has an entry for each concept, the other is empty.
    """

    points: tuple[tuple[Point, ...], ...] = ()
    boxes: tuple[Box, ...] = ()

    def __len__(self) -> int:
        """The number of concepts."""
        return len(self.points) + len(self.boxes)

    def check_inside(self, width: int, height: int) -> None:
        """Raise `UserError` for a point or box that is not in a picture of this size."""
        corners = [(point, point) for group in self.points for point in group]
        corners += [((left, top), (right, bottom)) for left, top, right, bottom in self.boxes]
        for (left, top), (right, bottom) in corners:
            if not (0 <= left <= right <= width and 0 <= top <= bottom <= height):
                raise UserError(
                    f"{_told((left, top) if left == right else (left, top, right, bottom))} is not in the picture of "
                    f"{width} x {height} pixels; x goes from left to right, y from top to bottom"
                )


@dataclass(frozen=True)
class MaskOptions:
    """A request: model, class words, marks, and what replaces the model's own settings (None: nothing)."""

    model: str
    labels: tuple[str, ...] = ()
    marks: Marks = Marks()
    checkpoint: str | None = None
    detector: str | None = None
    threshold: float | None = None
    device: str = "auto"


def parse_labels(text: str | None) -> tuple[str, ...]:
    """The class words of `cat,umbrella`; empty for None.

    Raises `UserError` for an empty word.
    """
    if text is None:
        return ()
    words = tuple(" ".join(word.split()) for word in text.split(","))
    if not all(words):
        raise UserError(f"--labels '{text}': write class words with commas between them, for example cat,umbrella")
    return words


def parse_points(text: str) -> tuple[tuple[Point, ...], ...]:
    """The groups of points of `10,20 12,30;50,60`: a semicolon parts concepts, a space the points of one.

    Raises `UserError` for anything else.
    """
    groups = [[_numbers(point) for point in group.split()] for group in _concepts(text)]
    if not all(groups) or any(len(point) != 2 for group in groups for point in group):
        raise UserError(
            f"--points '{text}': write x,y in pixels for a concept and ; before the next, for example 10,20;50,60; "
            "more points of one concept stand behind a space: '10,20 12,30;50,60'"
        )
    return tuple(tuple((point[0], point[1]) for point in group) for group in groups)


def parse_boxes(text: str) -> tuple[Box, ...]:
    """The boxes of `5,5,30,40;35,10,60,44`: left, top, right, bottom, a semicolon between concepts.

    Raises `UserError` for anything else, and for a box without inside.
    """
    boxes = [_numbers(box) for box in _concepts(text)]
    if any(len(box) != 4 or box[0] >= box[2] or box[1] >= box[3] for box in boxes):
        raise UserError(
            f"--boxes '{text}': write left,top,right,bottom in pixels for a concept and ; before the next, for example "
            "5,5,30,40;35,10,60,44"
        )
    return tuple((box[0], box[1], box[2], box[3]) for box in boxes)


def labels_of(folder: Path, given: Sequence[str]) -> list[str]:
    """The class words: those given, else the lines of the folder's `labels.txt`, else none.

    Raises `UserError` if there are both and they differ, if the file is no text, and for more than `MOST_MASKS`.
    """
    file = folder / LABELS
    written = _lines(file) if file.is_file() else []
    if written and given and written != list(given):
        raise UserError(
            f"{file} says {', '.join(written)} and --labels {', '.join(given)}; leave --labels out, or change the file"
        )
    words = list(given) or written
    if len(words) > MOST_MASKS:
        raise UserError(f"{len(words)} concepts; at most {MOST_MASKS} per scene are supported")
    return words


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {file} as text: {error}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _concepts(text: str) -> list[str]:
    return text.removesuffix(";").split(";")


def _numbers(text: str) -> list[float]:
    """The finite numbers of a text with commas; empty if it is anything else."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return []
    return numbers if all(math.isfinite(number) for number in numbers) else []


def _told(numbers: Sequence[float]) -> str:
    return ",".join(f"{number:g}" for number in numbers)
