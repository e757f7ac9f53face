"""Makes the fits of units: each alone, or begun together with those of its cohort. Existing fits are kept."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING

from bench.core.errors import is_disk_full
from bench.core.files import write_bytes
from bench.core.progress import ShowsProgress
from bench.core.text import count
from bench.plugins.backbone import Backbone
from bench.plugins.method import FitRecords, FitState, MethodContext
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


@dataclass(frozen=True)
class BegunFit:
    """A fit that was begun together with others: what ends it, and its share of the cost so far."""

    end: Callable[[], FitState]
    cost: Cost
    progress: FitProgress


class Fitter:
    """Makes the fits of some `units` of the `plan`, one by one, as they are asked for.

    The fits of a cohort are begun when the first of them is asked for, those of all its scenes, whichever are wanted:
    no result depends on that. What was begun is kept in memory, so that an interrupted cohort is begun again.
    """

    def __init__(
        self, context: ExecutionContext, units: Sequence[Unit], plan: Sequence[Unit], bar: ShowsProgress
    ) -> None:
        self._context = context
        self._wanted = {unit.key for unit in units if not context.folder.fit(unit.key).is_file()}
        self._plan = plan
        self._bar = bar
        self._begun: dict[str, BegunFit] = {}

    def fit(self, unit: Unit) -> tuple[dict[str, torch.Tensor], Cost]:
        """The unit's fit and its cost, read back if an earlier start made it; raises whatever the method raises."""
        kept = read_fit(self._context.folder.fit(unit.key))
        if kept is not None:
            self._bar.advance(FIT_PIECES)
            return kept
        begun = self._begin(unit)
        self._context.backbone.restore()
        fitted, cost = self._context.meter.measure(begun.end)
        cost = begun.cost.plus(cost)
        state = checked_state(unit.method, fitted)
        begun.progress.finish()
        write_fit(self._context.folder.fit(unit.key), state, cost)
        return state, cost

    def _begin(self, unit: Unit) -> BegunFit:
        if not unit.cohort:
            progress = FitProgress(self._bar, self._context.title(unit))
            bench = method_context(self._context, unit, progress)
            fit = partial(unit.method.instance.fit, unit.scene.for_methods, bench)
            return BegunFit(fit, Cost(0.0, 0.0, 0.0), progress)
        if unit.key not in self._begun:
            self._begin_cohort(unit, cohort_of(unit, self._plan))
        begun = self._begun.pop(unit.key)
        begun.progress.title = self._context.title(unit)
        return begun

    def _begin_cohort(self, unit: Unit, cohort: Sequence[Unit]) -> None:
        """Begin the fits of a unit's cohort; what fails for all of them is raised by each."""
        title = f"{self._context.label(unit)} · {count(len(cohort), 'scene')}"
        shown = [FitProgress(self._bar, title if one is unit else None) for one in cohort]
        contexts = [method_context(self._context, one, progress) for one, progress in zip(cohort, shown, strict=True)]
        self._context.backbone.restore()
        scenes = [one.scene.for_methods for one in cohort]
        begin = partial(unit.method.instance.begin_fits, scenes, contexts)
        try:
            given, cost = self._context.meter.measure(begin)
            ends = checked_beginnings(unit.method, given, len(cohort))
        except Exception as error:
            if is_disk_full(error):
                raise
            ends, cost = [partial(_fail, error)] * len(cohort), Cost(0.0)
        share = cost.share(len(cohort))
        self._begun |= {
            one.key: BegunFit(end, share, progress)
            for one, end, progress in zip(cohort, ends, shown, strict=True)
            if one.key in self._wanted
        }


def _fail(error: Exception) -> FitState:
    raise error


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
