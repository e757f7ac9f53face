"""Progress of a stage: what each worker does, how many units are done, and the time left by what was done so far."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from rich.progress import Progress, TaskID

from bench.core.progress import bars
from bench.run.forecast import Part, WorkLeft
from bench.run.status import WorkerState

OnChange = Callable[[Mapping[str, WorkerState], float | None], None]
"""Told what every worker does, and the seconds left, where they are known."""
ALONE = "1"
"""The name of the worker where the run's own process does the work."""
_WARM_UP = 0.05
"""Pieces of a worker's first report up to which its time is taken for a start's, not for the work's."""
_EVERY = 0.5
"""Seconds between two forecasts at least."""


@dataclass
class WorkerBars:
    """A bar for the whole, and a line for each of `workers` workers, or none where there is only this process.

    `on_change` is told what all of them do.
    """

    title: str
    progress: Progress
    whole: TaskID
    work_left: WorkLeft
    on_change: OnChange
    workers: int = 0
    lines: dict[str, TaskID] = field(default_factory=dict)
    doing: dict[str, WorkerState] = field(default_factory=dict)
    _warm: set[str] = field(default_factory=set)
    _clock: dict[str, float] = field(default_factory=dict)
    _left: float | None = None
    _next: float = 0.0

    def begin(self, worker: str, job: str, title: str) -> None:
        """A worker begins a job."""
        if self.workers and worker not in self.lines:
            self.lines[worker] = self.progress.add_task("", total=None)
        self._clock[worker] = time.monotonic()
        self.doing[worker] = WorkerState(title, time.time(), self.work_left.jobs[job].units)
        self.say(worker, title)

    def say(self, worker: str, what: str) -> None:
        """A worker tells what it does."""
        self.doing[worker].what = what
        shown = f"  {worker}: {what}" if self.workers else what
        self.progress.update(self.lines.get(worker, self.whole), description=shown)
        self.on_change(self.doing, self._left)

    def work(self, worker: str, job: str, parts: Mapping[Part, float]) -> None:
        """A worker has done so many more pieces of a job's parts."""
        if not parts or job not in self.work_left.jobs:
            return
        now = time.monotonic()
        warming = worker not in self._warm and sum(parts.values()) < _WARM_UP
        self.work_left.work(job, parts, None if warming else now - self._clock[worker])
        self._warm.add(worker)
        self._clock[worker] = now
        if (units := self.work_left.jobs[job].units) != self.doing[worker].units:  # of a cohort, or again of one
            self.doing[worker] = WorkerState(self.doing[worker].what, time.time(), units)
        if now >= self._next:
            self._show()

    def end(self, worker: str, job: str) -> None:
        """A job is over, on this worker or, without one, for good."""
        counted = self.work_left.jobs[job].counted
        self.work_left.end(job)
        self.doing.pop(worker, None)
        if counted:
            done, of = self.progress.tasks[self.whole].fields["items"]
            self.progress.update(self.whole, items=(done + 1, of))
        if not self.workers:
            self.progress.update(self.whole, description=self.title)
        self._show()
        if worker in self.lines:
            self._idle(worker, "free")

    def restart(self, worker: str) -> None:
        """A worker died, and another takes its place, as soon as there is room for it."""
        self._idle(worker, "starting")

    def _show(self) -> None:
        """Show how much is done, and the time left. The bar never goes back."""
        self._next = time.monotonic() + _EVERY
        self._left = self.work_left.seconds_left(max(self.workers, len(self.lines), 1))
        share = max(self.work_left.share, self.progress.tasks[self.whole].completed)
        self.progress.update(self.whole, completed=1.0 if not self.work_left.jobs else share, left=self._left)

    def _idle(self, worker: str, why: str) -> None:
        self.doing.pop(worker, None)
        self.progress.update(self.lines[worker], description=f"  {worker}: {why}")
        self.on_change(self.doing, self._left)


class OwnProgress:
    """Progress of the work that this process does itself."""

    def __init__(self, bars: WorkerBars) -> None:
        self._bars = bars

    def say(self, what: str) -> None:
        """Set the description."""
        self._bars.say(ALONE, what)

    def work(self, job: str, part: Part, pieces: float = 1.0) -> None:
        """Count so many more pieces of a job's part as done."""
        self._bars.work(ALONE, job, {part: pieces})

    def over(self, job: str) -> None:
        """A job that is a part of the present one is over, whatever it had left."""
        self._bars.work_left.end(job)


@contextlib.contextmanager
def worker_bars(what: str, work_left: WorkLeft, on_change: OnChange, workers: int = 0) -> Iterator[WorkerBars]:
    """Show the bars while the block runs; without `workers`, this process does the work."""
    units = sum(job.counted for job in work_left.jobs.values())
    with bars(3600) as progress:
        whole = progress.add_task(what, total=1.0, items=(0, units), left=None)
        yield WorkerBars(what, progress, whole, work_left, on_change, workers)
