"""How long the rest of a stage takes: each kind of work is taken to last as long as what was done of it so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

Part = Literal["begin", "end", "fit", "prior", "draw", "score"]
"""Parts of a unit's work: a fit is made as a whole (`fit`), or begun together with others (`begin`) and ended alone.

One piece of each is the part of one scene's fit, one prior picture, one picture.
"""
Kind = tuple[str, Part]
"""A method's spec, and a part of its work: what takes about the same time each time."""


class WorkProgress(Protocol):
    """What the work on units tells how far it is."""

    def say(self, what: str) -> None:
        """Set the description."""
        ...

    def work(self, job: str, part: Part, pieces: float = 1.0) -> None:
        """Count so many more pieces of a job's part as done."""
        ...

    def over(self, job: str) -> None:
        """A job that is a part of the present one is over, whatever it had left."""
        ...


@dataclass
class WorkItem:
    """A piece of a stage: the pieces of each part that it has `left`; `after` is the key of a job that comes first.

    It is for so many `units`, and is one itself unless it is not `counted`, as the beginning of a cohort.
    """

    method: str
    left: dict[Part, float]
    after: str | None = None
    units: int = 1
    counted: bool = True


@dataclass
class Forecast:
    """Seconds per piece by kind. `usual` is what they take beside each other, in any unit, where nothing is known."""

    usual: Mapping[Kind, float]
    _done: dict[Kind, float] = field(default_factory=lambda: defaultdict(float))
    _seconds: dict[Kind, float] = field(default_factory=lambda: defaultdict(float))

    def learn(self, kind: Kind, pieces: float, seconds: float) -> None:
        """So many pieces took so many seconds."""
        self._done[kind] += pieces
        self._seconds[kind] += seconds

    @property
    def knows_any(self) -> bool:
        """Whether anything was measured: without it, `seconds` is in the unit of `usual`."""
        return any(self._seconds.values())

    def seconds(self, kind: Kind) -> float:
        """What a piece of a kind takes: what those done took, else its usual part of what the measured kinds take."""
        if self._done.get(kind):
            return self._seconds[kind] / self._done[kind]
        return self.usual.get(kind, 0.0) * self._scale()

    def _scale(self) -> float:
        usual = sum(self.usual.get(kind, 0.0) * done for kind, done in self._done.items())
        took = sum(seconds for kind, seconds in self._seconds.items() if kind in self.usual)
        return took / usual if usual and took else 1.0


class WorkLeft:
    """The jobs of a stage by their keys, what is left of them, and how long that takes."""

    def __init__(self, jobs: Mapping[str, WorkItem], forecast: Forecast) -> None:
        self.jobs = dict(jobs)
        self.forecast = forecast
        self._all: dict[Kind, float] = defaultdict(float)
        for job in jobs.values():
            for part, pieces in job.left.items():
                self._all[job.method, part] += pieces

    def work(self, key: str, parts: Mapping[Part, float], seconds: float | None) -> None:
        """Count pieces of a job's parts as done, in so many seconds together; None: in a time that tells nothing."""
        job = self.jobs[key]
        usual = {part: pieces * self.forecast.seconds((job.method, part)) for part, pieces in parts.items()}
        whole = sum(usual.values())
        for part, pieces in parts.items():
            share = usual[part] / whole if whole else 1 / len(parts)
            if seconds is not None:
                self.forecast.learn((job.method, part), pieces, seconds * share)
            job.left[part] = max(0.0, job.left.get(part, 0.0) - pieces)

    def end(self, key: str) -> None:
        """A job is over, whatever it had left."""
        self.jobs.pop(key, None)

    def cost(self, key: str) -> float:
        """What is left of a job: in seconds, or, while nothing is measured, in the unit of the forecast's `usual`."""
        job = self.jobs[key]
        return sum(pieces * self.forecast.seconds((job.method, part)) for part, pieces in job.left.items())

    @property
    def share(self) -> float:
        """How much of all the work is done, from 0 to 1."""
        whole = sum(pieces * self.forecast.seconds(kind) for kind, pieces in self._all.items())
        return 1 - min(1.0, sum(map(self.cost, self.jobs)) / whole) if whole else float(not self.jobs)

    def seconds_left(self, workers: int) -> float | None:
        """Seconds until the last job ends on so many workers; None while nothing is measured.

        What is left is divided among them, and no less than the longest job with those that it waits for.
        """
        if not self.forecast.knows_any:
            return None
        costs = {key: self.cost(key) for key in self.jobs}
        chains = (cost + costs.get(self.jobs[key].after or "", 0.0) for key, cost in costs.items())
        return max(sum(costs.values()) / max(1, workers), max(chains, default=0.0))
