"""Progress: what is being done and how much time is left, as bars on a terminal, elsewhere as a line now and then."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    Task,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from bench.core.text import duration

console = Console(stderr=True)
"""Where progress and remarks go; results go to standard output."""

OFTEN, SELDOM, PART = 5.0, 60.0, 1 / 50
"""Seconds between two printed lines at least and at most; between, this part of the time since the bar began."""
BRIEF = 1.0
"""Seconds within which a bar must end for a log to have no line of it."""


class ShowsProgress(Protocol):
    """What a piece of work tells how far it is: a bar, or what passes it on."""

    def say(self, what: str) -> None:
        """Set the description."""
        ...

    def advance(self, pieces: float = 1.0) -> None:
        """Count so many more pieces of work as done."""
        ...


@dataclass(frozen=True)
class ProgressBar:
    """One bar over `total` pieces of work, with a changing description."""

    progress: Progress
    task: TaskID

    def say(self, what: str) -> None:
        """Set the bar's description."""
        self.progress.update(self.task, description=what)

    def done(self, items: int) -> None:
        """Say how many of the items are done, where a piece is not an item."""
        of = self.progress.tasks[self.task].fields["items"][1]
        self.progress.update(self.task, items=(items, of))

    def advance(self, pieces: float = 1.0) -> None:
        """Count so many more pieces of work as done."""
        self.progress.advance(self.task, pieces)


class PrintedProgress(Progress):
    """Progress where no terminal shows bars, as in a log: a line every some seconds, and one when all is done.

    Bars without a total, and those of a moment, are not told of.
    """

    def __init__(self, speed_over: float) -> None:
        super().__init__(console=console, speed_estimate_period=speed_over, disable=True)
        self._names: dict[TaskID, str] = {}
        self._told: dict[TaskID, float] = {}

    def add_task(self, description: str, *args: Any, **more: Any) -> TaskID:
        """Begin a bar, which is called in every line what it is called first."""
        task = super().add_task(description, *args, **more)
        self._names[task], self._told[task] = description, 0.0
        return task

    def update(self, task_id: TaskID, **more: Any) -> None:
        """Change a bar."""
        super().update(task_id, **more)
        self._tell(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """Count more pieces of work as done."""
        super().advance(task_id, advance)
        self._tell(task_id)

    def _tell(self, task_id: TaskID) -> None:
        task = self._tasks[task_id]
        elapsed, told = task.elapsed or 0.0, self._told[task_id]
        due = elapsed - told >= min(SELDOM, max(OFTEN, PART * elapsed))
        if task.total is None or told == math.inf or not (due or _is_complete(task)):
            return
        self._told[task_id] = math.inf if _is_complete(task) else elapsed
        if _is_complete(task) and elapsed < BRIEF:
            return
        console.print(_line(self._names[task_id], task), soft_wrap=True, markup=False, highlight=False)


def _is_complete(task: Task) -> bool:
    """Whether all pieces are done, up to the rounding of their sum."""
    return task.total is not None and task.completed >= task.total * (1 - 1e-9)


def _line(name: str, task: Task) -> str:
    """`units: 3 of 8 (37 %), about 12 minutes left · what is being done`."""
    whole = isinstance(task.total, int)  # pieces that are weights have no number
    items = task.fields.get("items") or ((task.completed, task.total) if whole else None)
    if _is_complete(task):  # the last piece may be counted before its item is
        number = "done" if items is None else f"{items[1]:g} of {items[1]:g}"
        return f"{name}: {number} in {duration(task.elapsed or 0.0)}"
    number = "" if items is None else f" {items[0]:g} of {items[1]:g}"
    seconds = _seconds_left(task)
    left = "" if seconds is None else f", about {duration(seconds)} left"
    now = "" if task.description == name else f" · {task.description}"
    return f"{name}:{number} ({task.percentage:.0f} %){left}{now}"


def _seconds_left(task: Task) -> float | None:
    """Seconds that a bar still takes: its field `left` where its work tells them, else by its speed."""
    if "left" not in task.fields:
        return task.time_remaining
    left: float | None = task.fields["left"]
    return left


class _TimeLeft(TimeRemainingColumn):
    """The time left, as rich shows it, of bars whose work tells it too."""

    def render(self, task: Task) -> Text:
        if "left" not in task.fields or task.finished:
            return super().render(task)
        seconds = _seconds_left(task)
        if seconds is None:
            return Text("--:--", style="progress.remaining")
        minutes, rest = divmod(round(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        shown = f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"
        return Text(shown, style="progress.remaining")


def bars(speed_over: float) -> Progress:
    """Bars with the time left: a bar's field `left`, else from the speed of the last `speed_over` seconds."""
    if not console.is_terminal:
        return PrintedProgress(speed_over)
    columns = (
        TextColumn("{task.description}", markup=False),  # brackets are those of a spec
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        _TimeLeft(compact=True),
    )
    return Progress(*columns, console=console, speed_estimate_period=speed_over)


@contextlib.contextmanager
def progress_bar(what: str, total: float, items: int | None = None) -> Iterator[ProgressBar]:
    """Show a bar with the time left while the block runs.

    It is over `total` pieces. Where pieces are of different size, `items` is the number of things to do, and the bar's
    `done` says how many are.
    """
    with bars(600) as progress:
        counted = None if items is None else (0, items)
        yield ProgressBar(progress, progress.add_task(what, total=total, items=counted))
