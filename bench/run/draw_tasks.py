"""The tasks of fitting and drawing: one for the beginning of each cohort, and one for each unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from bench.core.files import whole_files
from bench.core.text import count
from bench.plugins.backbone_settings import Budget
from bench.run.dispatch import Task
from bench.run.draw_jobs import BEGIN, draw_work
from bench.run.folder import RunFolder
from bench.run.names import label
from bench.run.payload import precomputed_content, unit_content
from bench.run.plan import Unit, cohort_of


class DrawTasks:
    """The tasks of some `units` of the `plan`, and what they may take; `names` are display names of methods by spec.

    A worker is sent what it needs beside its dataset: pictures from outside the scenes, the fits that were begun, and
    the files that units share, as far as a worker of an earlier task has sent them.
    """

    def __init__(
        self,
        folder: RunFolder,
        units: Sequence[Unit],
        plan: Sequence[Unit],
        names: Mapping[str, str],
        budget: Budget,
    ) -> None:
        self.units = {unit.key: unit for unit in units}
        self.work_left = draw_work(folder, units, plan, budget)
        self._folder = folder
        self._plan = plan
        self._names = names
        self._shared: dict[str, bytes] = {}

    def tasks(self) -> list[Task]:
        """All of them, in no order; units whose fits are still to be begun come after that."""
        cohorts: dict[str, list[Unit]] = defaultdict(list)
        found = []
        for key, unit in self.units.items():
            if (after := self.work_left.jobs[key].after) is not None:
                cohorts[after].append(unit)
            found.append(
                Task(key, self.title(unit), self.work_left.cost(key), partial(self._to_draw, unit), after=after)
            )
        return [*(self._beginning(key, units) for key, units in cohorts.items()), *found]

    def title(self, unit: Unit) -> str:
        """What progress calls a unit."""
        return f"{label(self._names, unit.method.spec)} · {unit.scene.name}"

    def _has_begun(self, unit: Unit) -> bool:
        return self._folder.begun(unit.key).is_file()

    def _beginning(self, key: str, units: Sequence[Unit]) -> Task:
        cohort = cohort_of(units[0], self._plan)
        asked = [unit.key for unit in units]
        title = f"{label(self._names, units[0].method.spec)} · {count(len(cohort), 'scene')}"
        return Task(key, title, self.work_left.cost(key), partial(self._to_begin, cohort, asked), BEGIN)

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
