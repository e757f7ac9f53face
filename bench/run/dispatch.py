"""Hands tasks to Ray actors, the longest first, and takes what they make; a dead worker's task is done again elsewhere.

Knows nothing of what the tasks are: an actor has `prepare(stage)`, which returns a mapping whose `error` is empty or a
line, and a method per stage that yields parcels, whose first part is a text (see `bench.run.worker.Parcel`).
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.core.errors import UserError, one_line
from bench.core.progress import console
from bench.run.worker import STOP

MOST_ATTEMPTS = 3
"""Workers that a task may take with it before it counts as failed."""
MOST_STARTS = 3
"""Times in a row that a worker may die while it starts."""
_MANY = 2
"""Tasks that must be left for each worker before one is given a task to do next."""
_PATIENCE = 60.0
"""Seconds without any worker after which that is said."""


@dataclass(frozen=True, eq=False)
class Task:
    """A piece of work: its key, what it is called, its estimated cost, and the arguments of the actor's method.

    The arguments are made when the task is handed out; None if there is nothing left to do. `verb` is the actor's
    method where it is not that of the stage, `after` the key of a task that must have ended before.
    """

    key: str
    title: str
    cost: float
    arguments: Callable[[], tuple[Any, ...] | None]
    verb: str | None = None
    after: str | None = None


@dataclass(eq=False)
class _Seat:
    """A worker's place: its actor, what it is waited for (its start, or its next parcel) and its task.

    `ahead` is the task that it has already been given to do next, with what will then be waited for.
    """

    name: str
    actor: Any = None
    pending: Any = None
    task: Task | None = None
    ahead: tuple[Task, Any] | None = None
    ready: bool = False
    deaths: int = 0


@dataclass(frozen=True)
class Listener:
    """What the dispatcher tells: parcels, tasks that began, ended or were lost for good, with the worker's name.

    A task of which nothing was left to do ends without a worker, whose name is then empty. `on_restart` is told of a
    worker that died with a task.
    """

    on_begin: Callable[[str, Task], None]
    on_parcel: Callable[[str, Task, Any], None]
    on_end: Callable[[str, Task], None]
    on_lost: Callable[[Task, str], None]
    on_restart: Callable[[str], None] = lambda _worker: None


class Dispatcher:
    """Workers on a Ray cluster; `make` starts an actor, `check` refuses one by what its `prepare` returned."""

    def __init__(
        self, ray: Any, make: Callable[[], Any], count: int, check: Callable[[Mapping[str, Any]], None]
    ) -> None:
        self._ray = ray
        self._make = make
        self._check = check
        self._seats = [_Seat(str(number)) for number in range(1, count + 1)]
        self._waiting: list[Task] = []
        self._open: set[str] = set()
        self._attempts: Counter[str] = Counter()
        self._idle_since = time.monotonic()

    def run(self, stage: str, tasks: Sequence[Task], listener: Listener) -> None:
        """Have every task done, or lost by `MOST_ATTEMPTS` workers.

        Raises `UserError` where a worker cannot be used: other versions, no backbone, or it dies as it starts.
        """
        self._waiting = _longest_first(tasks)
        self._open = {task.key for task in tasks}
        self._attempts.clear()
        for seat in self._seats[len(tasks) :]:  # it would take tasks of this stage unprepared
            self._end(seat)
        for seat in self._seats[: len(tasks)]:
            self._start(seat, stage)
        while self._open:
            for seat in self._ready():
                self._take(seat, stage, listener)
            for seat in self._seats:
                if seat.ready:
                    self._give(seat, stage, listener)
        for seat in self._seats:  # one that is only just starting is not needed any more
            if not seat.ready:
                self._end(seat)

    def close(self) -> None:
        """End all workers."""
        for seat in self._seats:
            self._end(seat)

    def _start(self, seat: _Seat, stage: str) -> None:
        seat.actor = seat.actor or self._make()
        seat.task, seat.ready, seat.pending = None, False, seat.actor.prepare.remote(stage)

    def _end(self, seat: _Seat) -> None:
        if seat.actor is not None:
            self._ray.kill(seat.actor)
        seat.actor, seat.pending, seat.task, seat.ahead, seat.ready = None, None, None, None, False

    def _ready(self) -> Iterator[_Seat]:
        """The seats with news: of all that have any, so that none waits for another."""
        by_pending = {seat.pending: seat for seat in self._seats if seat.pending is not None}
        found, _ = self._ray.wait(list(by_pending), num_returns=1, timeout=1.0, fetch_local=False)
        if len(by_pending) > 1 and found:
            found, _ = self._ray.wait(list(by_pending), num_returns=len(by_pending), timeout=0, fetch_local=False)
        if any(seat.ready for seat in self._seats):
            self._idle_since = time.monotonic()
        elif not found and time.monotonic() - self._idle_since > _PATIENCE:
            self._idle_since = time.monotonic()
            console.print(
                "waiting for the first worker: it is starting, or there is no room for one yet", soft_wrap=True
            )
        return (by_pending[one] for one in found)

    def _take(self, seat: _Seat, stage: str, listener: Listener) -> None:
        """Take a worker's news."""
        try:
            if not seat.ready:
                self._admit(seat)
            elif seat.task is not None:
                self._parcel(seat, seat.task, listener)
        except self._ray.exceptions.RayError as error:
            self._died(seat, stage, error, listener)

    def _admit(self, seat: _Seat) -> None:
        here = self._ray.get(seat.pending)
        if here["error"]:
            raise UserError(f"a worker on {here['host']} cannot start: {here['error']}")
        self._check(here)
        seat.ready, seat.pending, seat.deaths = True, None, 0

    def _parcel(self, seat: _Seat, task: Task, listener: Listener) -> None:
        try:
            parcel = self._ray.get(next(seat.pending))
        except StopIteration:
            seat.task, seat.pending = None, None
            self._open.discard(task.key)
            listener.on_end(seat.name, task)
            return
        if parcel[0].startswith(STOP):
            raise UserError(f"{task.title}: {parcel[0].removeprefix(STOP)}")
        listener.on_parcel(seat.name, task, parcel)

    def _give(self, seat: _Seat, stage: str, listener: Listener) -> None:
        """Give a worker the longest task that is left, and one to do next while there are many.

        With its next task at hand, it does not wait for this process between two. Of the last ones each goes to
        whoever is free first.
        """
        if seat.task is None and (given := seat.ahead or self._sent(seat, stage, listener)):
            seat.ahead, (seat.task, seat.pending) = None, given
            listener.on_begin(seat.name, seat.task)
        if seat.task is not None and seat.ahead is None and len(self._waiting) > _MANY * len(self._seats):
            seat.ahead = self._sent(seat, stage, listener)

    def _sent(self, seat: _Seat, stage: str, listener: Listener) -> tuple[Task, Any] | None:
        """Send a worker the longest task that can be begun, if there is one."""
        while (task := next((one for one in self._waiting if one.after not in self._open), None)) is not None:
            self._waiting.remove(task)
            if (arguments := task.arguments()) is not None:
                method = getattr(seat.actor, task.verb or stage).options(num_returns="streaming")
                return task, method.remote(*arguments)
            self._open.discard(task.key)
            listener.on_end("", task)
        return None

    def _died(self, seat: _Seat, stage: str, error: Exception, listener: Listener) -> None:
        """Another worker takes the seat, and, sooner or later, the task."""
        task, why = seat.task, _reason(error)
        if seat.ahead is not None:
            self._waiting.insert(0, seat.ahead[0])
        self._end(seat)
        if task is None:
            seat.deaths += 1
            if seat.deaths >= MOST_STARTS:
                raise UserError(f"a worker ended {seat.deaths} times as it started: {why}") from error
        else:
            listener.on_restart(seat.name)
            self._attempts[task.key] += 1
            if self._attempts[task.key] < MOST_ATTEMPTS:
                console.print(f"{task.title}: its worker ended ({why}); done again", soft_wrap=True, markup=False)
                self._waiting.insert(0, task)
            else:
                self._lose(task, f"{MOST_ATTEMPTS} workers ended with it: {why}", listener)
        self._start(seat, stage)

    def _lose(self, task: Task, why: str, listener: Listener) -> None:
        """Give a task up, and those that cannot be begun without it."""
        self._open.discard(task.key)
        listener.on_lost(task, why)
        for one in [one for one in self._waiting if one.after == task.key]:
            self._waiting.remove(one)
            self._lose(one, why, listener)


def _longest_first(tasks: Sequence[Task]) -> list[Task]:
    """By their costs, each with those of the tasks that wait for it."""
    behind: dict[str | None, float] = defaultdict(float)
    for task in tasks:
        behind[task.after] += task.cost
    return sorted(tasks, key=lambda task: -(task.cost + behind[task.key]))


def _reason(error: Exception) -> str:
    """Why a worker died, in one line: Ray's first sentence that is not about its own identifiers."""
    text = " ".join(str(error).split())
    for known, told in (
        ("OutOfMemory", "out of memory"),
        ("memory", "out of memory") if "Memory" in type(error).__name__ else ("\0", ""),
        ("node was terminated", "its machine is gone"),
        ("The node", "its machine is gone"),
        ("is unavailable", "it cannot be reached"),
        ("SYSTEM_ERROR", "it was killed, or crashed"),
        ("connection error code 2", "it was killed, or crashed"),
    ):
        if known in text:
            return told
    return one_line(error)
