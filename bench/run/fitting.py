"""Makes the fits of units: each alone, or begun together with those of its cohort. Existing fits are kept."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeAlias

from bench.core.errors import is_disk_full
from bench.core.files import write_bytes
from bench.core.progress import ShowsProgress
from bench.core.text import count
from bench.plugins.backbone import Backbone
from bench.plugins.method import FitRecords, FitState, MethodContext
from bench.run.archive import archived_units
from bench.run.contracts import checked_beginnings, checked_state
from bench.run.cost import Cost
from bench.run.fit_files import read_fit, write_fit
from bench.run.folder import RunFolder
from bench.run.names import label
from bench.run.plan import Unit, cohort_of

if TYPE_CHECKING:
    import torch

    from bench.run.metering import Meter

FIT_PIECES = 20.0
"""A fit's share on the progress bar, in pictures."""
_Fit: TypeAlias = "tuple[Callable[[], FitState], Cost, FitProgress]"
"""What makes a fit, what was spent on it before, and its progress."""


@dataclass(frozen=True)
class ExecutionContext:
    """The run's folder, the loaded backbone and how to execute: nothing here can change a result.

    With `keep_weights`, a unit's fit is kept after its last picture. `names` are display names of methods by spec.
    `attention` are the sampling steps, from 1, before which attention maps are recorded. `on_unit` is called when a
    unit begins.
    """

    folder: RunFolder
    backbone: Backbone
    budget: str
    batch_size: int
    keep_weights: bool
    names: Mapping[str, str] = field(default_factory=dict)
    attention: tuple[int, ...] = ()
    on_unit: Callable[[Unit], None] = lambda _unit: None

    def label(self, unit: Unit) -> str:
        """What progress and errors call the unit's method."""
        return label(self.names, unit.method.spec)

    def title(self, unit: Unit) -> str:
        """What the progress bar calls a unit."""
        return f"{self.label(unit)} · {unit.scene.name}"

    @cached_property
    def meter(self) -> Meter:
        """Measures costs on the backbone's device."""
        from bench.run.metering import Meter  # noqa: PLC0415 - torch is slow to import

        return Meter.on(self.backbone.device)


class FitProgress:
    """A fit's part of the progress bar: called with the steps that are done, and of how many.

    It shows nothing while it has no `title`: then it is another fit's turn.
    """

    def __init__(self, bar: ShowsProgress, title: str | None = None) -> None:
        self.title = title
        self._bar = bar
        self._shown = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Show so many steps of the fit as done."""
        if self.title is None:
            return
        self._bar.say(f"{self.title} · fit {done}/{total}")
        self._bar.advance(FIT_PIECES * (done / total - self._shown))
        self._shown = done / total

    def finish(self) -> None:
        """Show all of it as done."""
        self._bar.advance(FIT_PIECES * (1.0 - self._shown))
        self._shown = 1.0


class Fitter:
    """Makes the fits of some `units` of the `plan`, one by one, as they are asked for.

    The fits of a cohort are begun when the first of them is asked for, those of all its scenes, whichever are wanted:
    no result depends on that. What was begun is a file until its unit is done, also of those that only a later start
    asks for. `failures` has what the beginnings raised, by the units' keys.
    """

    def __init__(
        self, context: ExecutionContext, units: Sequence[Unit], plan: Sequence[Unit], bar: ShowsProgress
    ) -> None:
        self.failures: dict[str, Exception] = {}
        self._context = context
        self._wanted = {unit.key for unit in units}
        self._plan = plan
        self._bar = bar
        self._progress: dict[str, FitProgress] = {}

    def fit(self, unit: Unit) -> tuple[dict[str, torch.Tensor], Cost]:
        """The unit's fit and its cost, read back if an earlier start made it; raises whatever the method raises."""
        kept = read_fit(self._context.folder.fit(unit.key))
        if kept is not None:
            self._bar.advance(FIT_PIECES)
            return kept
        fit, spent, progress = self._ended(unit) if unit.cohort else self._alone(unit)
        self._context.backbone.restore()
        fitted, cost = self._context.meter.measure(fit)
        state, cost = checked_state(unit.method, fitted), spent.plus(cost)
        progress.finish()
        write_fit(self._context.folder.fit(unit.key), state, cost)
        return state, cost

    def begin(self, unit: Unit) -> None:
        """Begin the fits of a unit's cohort, and keep those that are wanted now or later."""
        cohort = cohort_of(unit, self._plan)
        title = f"{self._context.label(unit)} · {count(len(cohort), 'scene')}"
        self._progress |= {one.key: FitProgress(self._bar, title if one is unit else None) for one in cohort}
        contexts = [method_context(self._context, one, self._progress[one.key]) for one in cohort]
        begin = partial(unit.method.instance.begin_fits, [one.scene.for_methods for one in cohort], contexts)
        self._context.backbone.restore()
        try:
            given, cost = self._context.meter.measure(begin)
            begun = checked_beginnings(unit.method, given, len(cohort))
        except Exception as error:
            if is_disk_full(error):
                raise
            begun, cost = [error] * len(cohort), Cost(0.0)
        for one, state in zip(cohort, begun, strict=True):
            if isinstance(state, Exception):
                self.failures[one.key] = state
            elif self._is_wanted(one):
                write_fit(self._context.folder.begun(one.key), state, cost.share(len(cohort)))

    def _is_wanted(self, unit: Unit) -> bool:
        """Whether the unit's fit is to be made, now or by a later start."""
        folder = self._context.folder
        recorded = folder.unit_record(unit.key).is_file() or unit.key in archived_units(folder)
        done = recorded and unit.key not in self._wanted
        return not done and not folder.fit(unit.key).is_file()

    def _alone(self, unit: Unit) -> _Fit:
        progress = FitProgress(self._bar, self._context.title(unit))
        context = method_context(self._context, unit, progress)
        return partial(unit.method.instance.fit, unit.scene.for_methods, context), Cost(0.0, 0.0, 0.0), progress

    def _ended(self, unit: Unit) -> _Fit:
        """What ends a fit that was begun together with others; raises what the beginning raised."""
        begun = read_fit(self._context.folder.begun(unit.key))
        if begun is None and unit.key not in self.failures:
            self.begin(unit)
            begun = read_fit(self._context.folder.begun(unit.key))
        if begun is None:
            raise self.failures[unit.key]
        progress = self._progress.pop(unit.key, None) or FitProgress(self._bar)
        progress.title = self._context.title(unit)
        context = method_context(self._context, unit, progress)
        return partial(unit.method.instance.end_fit, begun[0], unit.scene.for_methods, context), begun[1], progress


def forget_begun(folder: RunFolder, units: Sequence[Unit]) -> None:
    """Delete what was begun of those of the units that are done, as by a start that was killed."""
    for unit in units:
        if folder.unit_record(unit.key).is_file():
            folder.begun(unit.key).unlink(missing_ok=True)


def method_context(context: ExecutionContext, unit: Unit, on_step: Callable[[int, int], None]) -> MethodContext:
    """What the engine hands to a method for one unit."""
    return MethodContext(
        backbone=context.backbone,
        fit_seed=unit.fit_seed,
        batch_size=context.batch_size,
        budget=context.budget,
        on_step=on_step,
        record=lambda records: _write_records(context.folder, unit, records),
        run_seed=unit.run_seed,
        shared=context.folder.shared,
        precomputed=unit.precomputed,
    )


def _write_records(folder: RunFolder, unit: Unit, records: FitRecords) -> None:
    """Write the fit records as CSV; before the fit is saved, so that a saved fit has its records."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(records[0]) if records else [])
    writer.writeheader()
    writer.writerows(records)
    write_bytes(folder.fit_records(unit.key), text.getvalue().encode())
