"""Hands tasks to Ray actors, the longest first, and takes what they make; a dead worker's task is done again elsewhere.

Knows nothing of what the tasks are: an actor has `prepare(stage)`, which returns a mapping whose `error` is empty or a
line, and a method per stage that yields parcels, whose first part is a text (see `bench.run.worker.Parcel`).
"""

from __future__ import annotations

import time
from collections import Counter, deque
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
_PATIENCE = 60.0
"""Seconds without any worker after which that is said."""


@dataclass(frozen=True, eq=False)
class Task:
    """A piece of work: its key, what it is called, its estimated cost, and the arguments of the actor's method.

    The arguments are made when the task is handed out.
    """

    key: str
    title: str
    cost: float
    arguments: Callable[[], tuple[Any, ...]]


@dataclass(eq=False)
class _Seat:
    """A worker's place: its actor, what it is waited for (its start, or its next parcel) and its task."""

    name: str
    actor: Any = None
    pending: Any = None
    task: Task | None = None
    ready: bool = False
    deaths: int = 0


@dataclass(frozen=True)
class Listener:
    """What the dispatcher tells: parcels, tasks that began, ended or were lost for good, with the worker's name."""

    on_begin: Callable[[str, Task], None]
    on_parcel: Callable[[str, Task, Any], None]
    on_end: Callable[[str, Task], None]
    on_lost: Callable[[Task, str], None]


class Dispatcher:
    """Workers on a Ray cluster; `make` starts an actor, `check` refuses one by what its `prepare` returned."""

    def __init__(
        self, ray: Any, make: Callable[[], Any], count: int, check: Callable[[Mapping[str, Any]], None]
    ) -> None:
        self._ray = ray
        self._make = make
        self._check = check
        self._seats = [_Seat(str(number)) for number in range(1, count + 1)]
        self._waiting: deque[Task] = deque()
        self._attempts: Counter[str] = Counter()
        self._idle_since = time.monotonic()

    def run(self, stage: str, tasks: Sequence[Task], listener: Listener) -> None:
        """Have every task done, or lost by `MOST_ATTEMPTS` workers.

        Raises `UserError` where a worker cannot be used: other versions, no backbone, or it dies as it starts.
        """
        self._waiting = deque(sorted(tasks, key=lambda task: -task.cost))
        for seat in self._seats[: len(tasks)]:
            self._start(seat, stage)
        while self._waiting or any(seat.task is not None for seat in self._seats):
            for seat in self._ready():
                self._take(seat, stage, listener)
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
        seat.actor, seat.pending, seat.task, seat.ready = None, None, None, False

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
        """Take a worker's news, and give it another task if it is free."""
        try:
            if not seat.ready:
                self._admit(seat)
            elif seat.task is not None:
                self._parcel(seat, seat.task, listener)
        except self._ray.exceptions.RayError as error:
            self._died(seat, stage, error, listener)
        if seat.ready and seat.task is None:
            self._give(seat, stage, listener)

    def _admit(self, seat: _Seat) -> None:
        here = self._ray.get(seat.pending)
        if here["error"]:
            raise UserError(f"a worker on {here['host']} cannot start: {here['error']}")
        self._check(here)
        seat.ready, seat.deaths = True, 0

    def _parcel(self, seat: _Seat, task: Task, listener: Listener) -> None:
        try:
            parcel = self._ray.get(next(seat.pending))
        except StopIteration:
            seat.task = None
            listener.on_end(seat.name, task)
            return
        if parcel[0].startswith(STOP):
            raise UserError(f"{task.title}: {parcel[0].removeprefix(STOP)}")
        listener.on_parcel(seat.name, task, parcel)

    def _give(self, seat: _Seat, stage: str, listener: Listener) -> None:
        """Give a free worker the longest task that is left."""
        seat.pending = None
        if self._waiting:
            seat.task = self._waiting.popleft()
            method = getattr(seat.actor, stage).options(num_returns="streaming")
            seat.pending = method.remote(*seat.task.arguments())
            listener.on_begin(seat.name, seat.task)

    def _died(self, seat: _Seat, stage: str, error: Exception, listener: Listener) -> None:
        """Another worker takes the seat, and, sooner or later, the task."""
        task, why = seat.task, _reason(error)
        self._end(seat)
        if task is None:
            seat.deaths += 1
            if seat.deaths >= MOST_STARTS:
                raise UserError(f"a worker ended {seat.deaths} times as it started: {why}") from error
        else:
            self._attempts[task.key] += 1
            if self._attempts[task.key] < MOST_ATTEMPTS:
                console.print(f"{task.title}: its worker ended ({why}); done again", soft_wrap=True, markup=False)
                self._waiting.appendleft(task)
            else:
                listener.on_lost(task, f"{MOST_ATTEMPTS} workers ended with it: {why}")
        self._start(seat, stage)


def _reason(error: Exception) -> str:
    """Why a worker died, in one line: Ray's first sentence that is not about its own identifiers."""
    text = " ".join(str(error).split())
    for known, told in (
        ("OutOfMemory", "out of memory"),
        ("memory", "out of memory") if "Memory" in type(error).__name__ else ("\0", ""),
        ("node was terminated", "its machine is gone"),
        ("The node", "its machine is gone"),
        ("SYSTEM_ERROR", "it was killed, or crashed"),
        ("connection error code 2", "it was killed, or crashed"),
    ):
        if known in text:
            return told
    return one_line(error)
