"""The tasks of fitting and drawing: one for the beginning of each cohort, and one for each unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from bench.core.files import whole_files
from bench.core.text import count
from bench.run.cost import FIT, Cost, picture_cost, read_unit_record
from bench.run.dispatch import Task
from bench.run.fitting import FIT_PIECES
from bench.run.folder import RunFolder
from bench.run.names import label
from bench.run.payload import precomputed_content, unit_content
from bench.run.plan import Unit, cohort_of

BEGIN = "begin"
"""The verb of a worker that begins the fits of a cohort."""
_BEGUN = 0.5
"""Share of a unit's cost that the beginning of its fit is taken for."""


class DrawTasks:
    """The tasks of some `units` of the `plan`; `names` are display names of methods by spec.

    A worker is sent what it needs beside its dataset: pictures from outside the scenes, the fits that were begun, and
    the files that units share, as far as a worker of an earlier task has sent them.
    """

    def __init__(
        self, folder: RunFolder, units: Sequence[Unit], plan: Sequence[Unit], names: Mapping[str, str]
    ) -> None:
        self.units = {unit.key: unit for unit in units}
        self._folder = folder
        self._plan = plan
        self._names = names
        self._shared: dict[str, bytes] = {}

    def tasks(self) -> list[Task]:
        """All of them, in no order; units whose fits are still to be begun come after that."""
        costs = _estimates(self._folder, list(self.units.values()))
        cohorts: dict[tuple[str, ...], list[Unit]] = defaultdict(list)
        for unit in self.units.values():
            if unit.cohort and not self._has_begun(unit):
                cohorts[unit.method.spec, *unit.cohort].append(unit)
        found = [self._beginning(units, costs) for units in cohorts.values()]
        after = {unit.key: task.key for task, units in zip(found, cohorts.values(), strict=True) for unit in units}
        for key, unit in self.units.items():
            cost = costs[key] * (1 - _BEGUN if key in after else 1.0)
            found.append(Task(key, self.title(unit), cost, partial(self._to_draw, unit), after=after.get(key)))
        return found

    def title(self, unit: Unit) -> str:
        """What progress calls a unit."""
        return f"{label(self._names, unit.method.spec)} · {unit.scene.name}"

    def _has_begun(self, unit: Unit) -> bool:
        return self._folder.begun(unit.key).is_file()

    def _beginning(self, units: Sequence[Unit], costs: Mapping[str, float]) -> Task:
        cohort = cohort_of(units[0], self._plan)
        asked = [unit.key for unit in units]
        title = f"{label(self._names, units[0].method.spec)} · {count(len(cohort), 'scene')}"
        cost = _BEGUN * sum(costs[unit.key] for unit in units)
        return Task(f"{BEGIN} {cohort[0].key}", title, cost, partial(self._to_begin, cohort, asked), BEGIN)

    def _to_begin(self, cohort: Sequence[Unit], asked: Sequence[str]) -> tuple[Any, ...]:
        return [_content(unit) for unit in cohort], asked, tuple(self._shared_files())

    def _to_draw(self, unit: Unit) -> tuple[Any, ...] | None:
        """What a worker needs to draw a unit; None for one whose fit could not be begun."""
        if not unit.cohort:
            return _content(unit), tuple(self._shared_files())
        if not self._has_begun(unit):
            return None
        begun = self._folder.begun(unit.key)
        return _content(unit), (*self._shared_files(), (f"begun/{begun.name}", begun.read_bytes()))

    def _shared_files(self) -> Iterator[tuple[str, bytes]]:
        for path in whole_files(self._folder.path, "shared/**/*.*"):
            name = path.relative_to(self._folder.path).as_posix()
            if name not in self._shared:
                self._shared[name] = path.read_bytes()
        yield from self._shared.items()


def _content(unit: Unit) -> tuple[dict[str, Any], list[tuple[str, bytes] | None]]:
    return unit_content(unit), precomputed_content(unit)


def _estimates(folder: RunFolder, units: Sequence[Unit]) -> dict[str, float]:
    """What each unit will take: by what its method took in this run so far, else by a method's usual share."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for path in whole_files(folder.path, "units/*.json")[:200]:
        record = read_unit_record(path)
        there = (file for file in map(folder.picture, record.pictures) if file.is_file())
        first = next((picture_cost(file).seconds for file in there), 0.0)
        seconds[record.method].append(Cost.from_metadata(FIT, vars(record)).seconds + first * len(record.pictures))
    usual = {method: sum(found) / len(found) for method, found in seconds.items() if found}
    known = usual.keys() >= {unit.method.drop_in.name for unit in units}
    return {unit.key: usual[unit.method.drop_in.name] if known else FIT_PIECES + len(unit.pictures) for unit in units}
