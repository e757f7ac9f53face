"""How far a run is, from its files alone: what it was asked for, what is there, and what is in work."""

from __future__ import annotations

import math
import re
import socket
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean

import psutil

from bench.core.errors import UserError
from bench.core.files import read_record, write_json
from bench.run.archive import archived_units
from bench.run.cost import picture_cost, read_unit_record
from bench.run.failures import failure_file
from bench.run.folder import SCHEMA, RunFolder
from bench.run.lock import holder_file
from bench.run.plan import Unit

_SAMPLE = 10
"""Number of finished units per method whose time is read."""
_EVERY = 2.0
"""Seconds between two records of what is being done."""


@dataclass(frozen=True)
class AskedUnit:
    """A unit that the run was asked for: its key, its method's name in tables, its scene, its number of pictures.

    `failure` is the name of the file of its traceback, if it fails.
    """

    unit: str
    method: str
    scene: str
    pictures: int
    failure: str


@dataclass(frozen=True)
class _AskedUnits:
    """The schema of `asked.json`."""

    units: list[AskedUnit]


@dataclass
class WorkerState:
    """What a worker works on, since when (seconds since 1970), and of how many units it is."""

    what: str
    since: float
    units: int = 1


@dataclass(frozen=True)
class Activity:
    """What a start is doing: its stage, since when (seconds since 1970), and what each worker works on.

    `begun` and `units` are since when, and of how many units, a worker's work is. `left` are the seconds left as they
    were estimated at the time `at`, if they were.
    """

    stage: str
    since: float
    work: dict[str, str] = field(default_factory=dict)
    begun: dict[str, float] = field(default_factory=dict)
    units: dict[str, int] = field(default_factory=dict)
    left: float | None = None
    at: float | None = None

    @property
    def units_in_work(self) -> int:
        """How many units are worked on."""
        return sum(self.units.get(worker, 1) for worker in self.work)


class ActivityLog:
    """Records what a stage does, in a file for `bench status`: now and then, as it is told it."""

    def __init__(self, folder: RunFolder, stage: str) -> None:
        self._folder = folder
        self._stage = stage
        self._since = time.time()
        self._next = time.monotonic() + _EVERY
        record_activity(folder, Activity(stage, self._since))

    def __call__(self, work: Mapping[str, WorkerState], left: float | None) -> None:
        """Record what each worker does and the seconds left, unless that was done a moment ago."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY
        activity = Activity(
            self._stage,
            self._since,
            {worker: one.what for worker, one in work.items()},
            {worker: one.since for worker, one in work.items()},
            {worker: one.units for worker, one in work.items()},
            left,
            time.time(),
        )
        record_activity(self._folder, activity)


@dataclass(frozen=True)
class Status:
    """How far a run is. `minutes_left` and `units_per_hour` are None where nothing tells; `holder` may be empty.

    `alive` is whether the process that holds the run is at work: None if that cannot be told from this machine.
    """

    done: int
    failed: int
    todo: int
    holder: str
    alive: bool | None
    activity: Activity | None
    units_per_hour: float | None
    minutes_left: float | None

    @property
    def units(self) -> int:
        """How many units the run was asked for."""
        return self.done + self.failed + self.todo


def record_asked(folder: RunFolder, units: Sequence[Unit], label: Mapping[str, str]) -> None:
    """Write which units the run is asked for; `label` has the names of methods in tables by their specs."""
    asked = [
        {
            "unit": unit.key,
            "method": label.get(unit.method.spec, unit.method.spec),
            "scene": unit.scene.name,
            "pictures": len(unit.pictures),
            "failure": failure_file(folder, unit).name,
        }
        for unit in units
    ]
    write_json(folder.asked, {"units": asked}, SCHEMA)


def keep_asked(folder: RunFolder, other: RunFolder, units: Collection[str]) -> None:
    """Write into the `other` run's folder what this one was asked for of these units, if it says so."""
    if folder.asked.is_file():
        kept = [asdict(one) for one in asked_units(folder) if one.unit in units]
        write_json(other.asked, {"units": kept}, SCHEMA)


def record_activity(folder: RunFolder, activity: Activity) -> None:
    """Write what this start is doing."""
    write_json(folder.activity, asdict(activity), SCHEMA)


def asked_units(folder: RunFolder) -> Sequence[AskedUnit]:
    """The units that the run was asked for in all its starts.

    Raises `UserError` for a run of a version that did not record them.
    """
    if not folder.asked.is_file():
        raise UserError(f"{folder.path} does not say what it was asked for: start it once more with `bench run`")
    record: _AskedUnits = read_record(folder.asked, SCHEMA, _AskedUnits)
    return record.units


def read_status(folder: RunFolder) -> Status:
    """How far the run is; reads only. Raises `UserError` as `asked_units` does."""
    asked = asked_units(folder)
    drawn = [unit for unit in asked if folder.unit_record(unit.unit).is_file()]
    known = {unit.unit for unit in drawn}
    known |= {unit.unit for unit in asked if unit.unit in archived_units(folder)}
    done = len(known)
    failed = [one for one in asked if one.unit not in known and (folder.failures / one.failure).is_file()]
    known |= {unit.unit for unit in failed}
    todo = [unit for unit in asked if unit.unit not in known]
    holder, alive = read_holder(folder)
    activity = _activity(folder) if alive is not False else None
    rate, left = _pace(folder, drawn, todo, activity)
    return Status(done, len(failed), len(todo), holder, alive, activity, rate, left)


def _activity(folder: RunFolder) -> Activity | None:
    if not folder.activity.is_file():
        return None
    found: Activity = read_record(folder.activity, SCHEMA, Activity)
    return found


def read_holder(folder: RunFolder) -> tuple[str, bool | None]:
    """What the run's lock says of its holder, and whether that process is there. The lock itself is not touched."""
    file = holder_file(folder.path)
    try:
        text, written = file.read_text(encoding="utf-8", errors="replace"), file.stat().st_mtime
    except OSError:
        return "", False
    match = re.match(r"process (\d+) on (\S+) ", text)
    if match is None or match[2] != socket.gethostname():
        return text, None
    try:
        process = psutil.Process(int(match[1]))
        return text, process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= written + 2.0
    except psutil.Error:
        return text, False


def _pace(
    folder: RunFolder, done: Sequence[AskedUnit], todo: Sequence[AskedUnit], activity: Activity | None
) -> tuple[float | None, float | None]:
    """Units per hour of the present start, and the minutes left: as it tells itself.

    A start that does not tell: units of a method take what its finished ones took.
    """
    if activity is None:
        return None, None
    told = None if activity.left is None else max(0.0, activity.left - (time.time() - (activity.at or 0.0))) / 60
    ended = [unit for unit in done if folder.unit_record(unit.unit).stat().st_mtime >= activity.since]
    elapsed = time.time() - activity.since
    if not ended or elapsed <= 0:
        return None, told
    seconds = _seconds(folder, [*ended, *done])
    usual = mean(seconds.values())
    at_once = sum(seconds[unit.method] for unit in ended) / elapsed
    left = sum(seconds.get(unit.method, usual) for unit in todo)
    reckoned = left / at_once / 60 if at_once else None
    return len(ended) / elapsed * 3600, reckoned if told is None else told


def _seconds(folder: RunFolder, units: Sequence[AskedUnit]) -> dict[str, float]:
    """The mean seconds of a unit by method, of a few finished ones."""
    of_method: dict[str, list[float]] = {}
    for unit in units:
        found = of_method.setdefault(unit.method, [])
        if len(found) < _SAMPLE:
            found.append(_unit_seconds(folder, folder.unit_record(unit.unit)))
    return {method: mean(found) for method, found in of_method.items()}


def _unit_seconds(folder: RunFolder, record: Path) -> float:
    read = read_unit_record(record)
    first = next((path for path in map(folder.picture, read.pictures) if path.is_file()), None)
    drawing = 0.0 if first is None else picture_cost(first).seconds
    known = [each for each in (read.cost_fit_seconds, drawing * len(read.pictures)) if not math.isnan(each)]
    return sum(known) or 1e-3
