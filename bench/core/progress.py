"""Progress on the terminal: what is being done and how much time is left."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

console = Console(stderr=True)
"""Where progress and remarks go; results go to standard output."""


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

    def reach(self, pieces: float) -> None:
        """Count so many pieces of work as done in all."""
        self.progress.update(self.task, completed=pieces)

    def advance(self, pieces: float = 1.0) -> None:
        """Count so many more pieces of work as done."""
        self.progress.advance(self.task, pieces)


def bars(speed_over: float) -> Progress:
    """Bars with the time left, which is told from the speed of the last `speed_over` seconds."""
    columns = (
        TextColumn("{task.description}", markup=False),  # brackets are those of a spec
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(compact=True),
    )
    return Progress(*columns, console=console, speed_estimate_period=speed_over)


@contextlib.contextmanager
def progress_bar(what: str, total: float) -> Iterator[ProgressBar]:
    """Show a bar with the time left while the block runs."""
    with bars(600) as progress:
        yield ProgressBar(progress, progress.add_task(what, total=total))
