"""Progress of several workers on the terminal: a line for each, and one for the whole with the time left."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rich.progress import Progress, TaskID

from bench.core.progress import bars
from bench.run.dispatch import Task


@dataclass(frozen=True)
class WorkerBars:
    """A bar for the whole, and a line per worker; `on_change` is told what all of them do."""

    progress: Progress
    whole: TaskID
    on_change: Callable[[Mapping[str, str]], None]
    lines: dict[str, TaskID] = field(default_factory=dict)
    work: dict[str, str] = field(default_factory=dict)

    def begin(self, worker: str, task: Task) -> None:
        """A worker begins a task."""
        if worker not in self.lines:
            self.lines[worker] = self.progress.add_task("", total=None)
        self.say(worker, task.title)

    def say(self, worker: str, what: str) -> None:
        """A worker tells what it does."""
        self.work[worker] = what
        self.progress.update(self.lines[worker], description=f"  {worker}: {what}")
        self.on_change(self.work)

    def end(self, worker: str, task: Task) -> None:
        """A task is over, on this worker or, without one, for good."""
        done, of = self.progress.tasks[self.whole].fields["items"]
        self.progress.update(self.whole, advance=task.cost, items=(done + 1, of))
        if worker in self.lines:
            self._idle(worker, "free")

    def restart(self, worker: str) -> None:
        """A worker died, and another takes its place, as soon as there is room for it."""
        self._idle(worker, "starting")

    def _idle(self, worker: str, why: str) -> None:
        self.work.pop(worker, None)
        self.progress.update(self.lines[worker], description=f"  {worker}: {why}")
        self.on_change(self.work)


@contextlib.contextmanager
def worker_bars(
    what: str, costs: Sequence[float], on_change: Callable[[Mapping[str, str]], None]
) -> Iterator[WorkerBars]:
    """Show the bars while the block runs; `costs` are the tasks'."""
    with bars(3600) as progress:
        whole = progress.add_task(what, total=sum(costs), items=(0, len(costs)))
        yield WorkerBars(progress, whole, on_change)
