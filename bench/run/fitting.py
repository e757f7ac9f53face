"""Makes the fits of units: each alone, or begun together with those of its cohort. Existing fits are kept."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from bench.core.errors import is_disk_full
from bench.core.files import write_bytes
from bench.core.text import count
from bench.plugins.backbone import Backbone
from bench.plugins.backbone_settings import Budget
from bench.plugins.method import FitRecords, FitState, MethodContext
from bench.run.archive import archived_units
from bench.run.contracts import checked_beginnings, checked_state
from bench.run.cost import Cost
from bench.run.draw_jobs import begin_key, begun_share
from bench.run.fit_files import begun_losses, read_fit, write_fit
from bench.run.fit_steps import trained_steps
from bench.run.folder import RunFolder
from bench.run.forecast import Part, WorkProgress
from bench.run.losses import LossLog, write_losses
from bench.run.names import label
from bench.run.options import tell_nobody
from bench.run.plan import Unit, cohort_of
from bench.run.status import WorkerState

if TYPE_CHECKING:
    import torch

    from bench.run.metering import Meter


@dataclass(frozen=True)
class ExecutionContext:
    """The run's folder, the loaded backbone and how to execute: nothing here can change a result.

    With `keep_weights`, a unit's fit is kept after its last picture. `names` are display names of methods by spec.
    `attention` are the sampling steps, from 1, before which attention maps are recorded. `on_change` is told what is
    being done, `on_done` of each unit that is done.
    """

    folder: RunFolder
    backbone: Backbone
    budget: str
    batch_size: int
    keep_weights: bool
    names: Mapping[str, str] = field(default_factory=dict)
    attention: tuple[int, ...] = ()
    on_change: Callable[[Mapping[str, WorkerState], float | None], None] = lambda _work, _left: None
    on_done: Callable[[Unit], None] = tell_nobody

    def label(self, unit: Unit) -> str:
        """What progress and errors call the unit's method."""
        return label(self.names, unit.method.spec)

    def title(self, unit: Unit) -> str:
        """What the progress bar calls a unit."""
        return f"{self.label(unit)} · {unit.scene.name}"

    @property
    def factors(self) -> Budget:
        """The backbone's factors on steps and rates."""
        return self.backbone.settings.budget(self.budget)

    @cached_property
    def meter(self) -> Meter:
        """Measures costs on the backbone's device."""
        from bench.run.metering import Meter  # noqa: PLC0415 - torch is slow to import

        return Meter.on(self.backbone.device)


class FitProgress:
    """What a fit, or a part of one, tells of its steps: called with those that are done, and of how many.

    The part goes from one share of all steps to another, as a job's `part`. Of a recipe the number of `steps` is known:
    what it does before them is drawing prior pictures. Without a `title` nothing is said.
    """

    def __init__(
        self,
        progress: WorkProgress,
        job: str,
        part: Part,
        span: tuple[float, float] = (0.0, 1.0),
        steps: int | None = None,
        title: str | None = None,
    ) -> None:
        self._progress = progress
        self._job = job
        self._part: Part = part
        self._start, self._width = span[0], span[1] - span[0]
        self._steps = steps
        self._title = title
        self._told = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Tell that so many steps of the fit are done."""
        if self._title is not None:
            self._progress.say(f"{self._title} · fit {done}/{total}")
        steps = total if self._steps is None else min(self._steps, total)
        if done <= total - steps:
            self._progress.work(self._job, "prior")
            return
        share = (done - (total - steps)) / steps
        self._tell(1.0 if self._width <= 0 else min(1.0, max(0.0, (share - self._start) / self._width)))

    def finish(self) -> None:
        """Tell that all of it is done."""
        self._tell(1.0)

    def _tell(self, share: float) -> None:
        if share > self._told:
            self._progress.work(self._job, self._part, share - self._told)
            self._told = share


@dataclass(frozen=True)
class _Task:
    """What makes a fit, what was spent on it before, its progress and its losses."""

    fit: Callable[[], FitState]
    spent: Cost
    progress: FitProgress
    losses: LossLog


class Fitter:
    """Makes the fits of some `units` of the `plan`, one by one, as they are asked for.

    The fits of a cohort are begun when the first of them is asked for, those of all its scenes, whichever are wanted:
    no result depends on that. What was begun is a file until its unit is done, also of those that only a later start
    asks for. `failures` has what the beginnings raised, by the units' keys.
    """

    def __init__(
        self, context: ExecutionContext, units: Sequence[Unit], plan: Sequence[Unit], progress: WorkProgress
    ) -> None:
        self.failures: dict[str, Exception] = {}
        self._context = context
        self._wanted = {unit.key for unit in units}
        self._plan = plan
        self._progress = progress

    def fit(self, unit: Unit) -> tuple[dict[str, torch.Tensor], Cost]:
        """The unit's fit and its cost, read back if an earlier start made it; raises whatever the method raises."""
        kept = read_fit(self._context.folder.fit(unit.key))
        if kept is not None:
            return kept
        task = self._ended(unit) if unit.cohort else self._alone(unit)
        self._context.backbone.restore()
        with self._losses_kept(unit, task.losses):
            fitted, cost = self._context.meter.measure(task.fit)
        state, cost = checked_state(unit.method, fitted), task.spent.plus(cost)
        task.progress.finish()
        write_fit(self._context.folder.fit(unit.key), state, cost)
        return state, cost

    def begin(self, unit: Unit) -> None:
        """Begin the fits of a unit's cohort, and keep those that are wanted now or later."""
        cohort = cohort_of(unit, self._plan)
        told = [self._beginning(cohort, own=one is unit) for one in cohort]
        logs = [LossLog() for _ in cohort]
        contexts = [
            replace(method_context(self._context, one, each), log_losses=log.log)
            for one, each, log in zip(cohort, told, logs, strict=True)
        ]
        begin = partial(unit.method.instance.begin_fits, [one.scene.for_methods for one in cohort], contexts)
        self._context.backbone.restore()
        try:
            given, cost = self._context.meter.measure(begin)
            begun = checked_beginnings(unit.method, given, len(cohort))
        except Exception as error:
            if is_disk_full(error):
                raise
            begun, cost = [error] * len(cohort), Cost(0.0)
        for one, state, each, log in zip(cohort, begun, told, logs, strict=True):
            if isinstance(state, Exception):
                self.failures[one.key] = state
                continue
            each.finish()
            if self._is_wanted(one):
                write_fit(self._context.folder.begun(one.key), state, cost.share(len(cohort)), log.csv())
        self._progress.over(begin_key(cohort))

    def _beginning(self, cohort: Sequence[Unit], own: bool) -> FitProgress:
        """The progress of one of a cohort's beginnings; the `own` one says how far all are."""
        title = f"{self._context.label(cohort[0])} · {count(len(cohort), 'scene')}" if own else None
        span = (0.0, begun_share(cohort[0].method, self._context.factors))
        return FitProgress(self._progress, begin_key(cohort), "begin", span, self._steps(cohort[0]), title)

    def _steps(self, unit: Unit) -> int | None:
        """The steps of a unit's fit, where they are known beforehand."""
        steps = trained_steps(unit.method, self._context.factors)
        return None if steps is None else steps.total

    def _is_wanted(self, unit: Unit) -> bool:
        """Whether the unit's fit is to be made, now or by a later start."""
        folder = self._context.folder
        recorded = folder.unit_record(unit.key).is_file() or unit.key in archived_units(folder)
        done = recorded and unit.key not in self._wanted
        return not done and not folder.fit(unit.key).is_file()

    @contextlib.contextmanager
    def _losses_kept(self, unit: Unit, log: LossLog) -> Iterator[None]:
        """Write the losses that the block logs; also those of a fit that fails, which may show why it did."""
        try:
            yield
        except Exception:
            with contextlib.suppress(Exception):  # what failed is told, whatever becomes of its losses
                write_losses(self._context.folder, unit.key, log.csv())
            raise
        write_losses(self._context.folder, unit.key, log.csv())

    def _alone(self, unit: Unit) -> _Task:
        progress = FitProgress(
            self._progress, unit.key, "fit", steps=self._steps(unit), title=self._context.title(unit)
        )
        log = LossLog()
        context = replace(method_context(self._context, unit, progress), log_losses=log.log)
        fit = partial(unit.method.instance.fit, unit.scene.for_methods, context)
        return _Task(fit, Cost(0.0, 0.0, 0.0), progress, log)

    def _ended(self, unit: Unit) -> _Task:
        """What ends a fit that was begun together with others; raises what the beginning raised."""
        begun = read_fit(self._context.folder.begun(unit.key))
        if begun is None and unit.key not in self.failures:
            self.begin(unit)
            begun = read_fit(self._context.folder.begun(unit.key))
        if begun is None:
            raise self.failures[unit.key]
        span = (begun_share(unit.method, self._context.factors), 1.0)
        progress = FitProgress(self._progress, unit.key, "end", span, self._steps(unit), self._context.title(unit))
        log = LossLog(begun_losses(self._context.folder.begun(unit.key)))
        context = replace(method_context(self._context, unit, progress), log_losses=log.log)
        end = partial(unit.method.instance.end_fit, begun[0], unit.scene.for_methods, context)
        return _Task(end, begun[1], progress, log)


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
