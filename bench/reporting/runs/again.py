"""Starts a part of a recorded run again, in a run of its own."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from bench.core.errors import UserError
from bench.core.text import count
from bench.plugins.spec import split_specs
from bench.reporting.runs.recorded import RecordedRun, open_recorded
from bench.run.engine import start
from bench.run.folder import RunFolder
from bench.run.lock import hold
from bench.run.merge import copy_dataset
from bench.run.options import BackboneOptions, ExecutionOptions, RunOptions
from bench.run.select_methods import MethodSelection
from bench.run.select_units import select_units
from bench.run.session import Session
from bench.run.worker_options import WorkerOptions


@dataclass(frozen=True)
class Part:
    """Which part of a run: methods with commas (None: all but controls), scenes as of `bench run` (None: all)."""

    methods: str | None = None
    scenes: str | None = None


def run_again(run: RecordedRun, folder: RunFolder, part: Part, device: str, workers: WorkerOptions) -> RecordedRun:
    """Fit, draw and score a part of a run in `folder`, with all its settings; goes on where an earlier start stopped.

    Raises `UserError` for a method or a scene that the run does not have, for another backbone or dataset than it
    had, and if a unit fails.
    """
    specs = _specs(run, part.methods)
    options = _options(run, part.scenes, device, workers)
    folder.path.mkdir(parents=True, exist_ok=True)
    with hold(folder.path):
        copy_dataset([run.folder], folder)
        names = tuple((spec, name) for spec, name in run.settings.names.items() if spec in specs)
        session, hardware = start(folder, MethodSelection(specs, (), names), options, lambda one: _check(run, one))
        units = select_units(session.plan, options.scenes, None)
        execution = ExecutionOptions(batch_size=8, keep_weights=False)
        with session.pool(hardware, execution, workers) or contextlib.nullcontext() as pool:
            session.generate(session.todo(units), hardware, execution, pool)
            session.score(device, pool)
    if failed := session.failed(units):
        raise UserError(f"{count(len(failed), 'unit')} failed; tracebacks: {folder.failures}")
    return open_recorded(folder.path)


def _specs(run: RecordedRun, methods: str | None) -> tuple[str, ...]:
    if methods is None:
        return tuple(run.spec(name) for name in run.methods if name not in run.controls)
    known = {name: run.spec(name) for name in run.methods}
    asked = split_specs(methods)
    if unknown := [one for one in asked if one not in known and one not in known.values()]:
        raise UserError(f"{run.path} has no scores of {unknown[0]}; it has {', '.join(known)}")
    return tuple(known.get(one, one) for one in asked)


def _options(run: RecordedRun, scenes: str | None, device: str, workers: WorkerOptions) -> RunOptions:
    own = run.settings
    backbone = BackboneOptions(
        backbone=own.backbone,
        revision=own.revision,
        device=device,
        precision=own.precision,
        budget=own.budget,
        sampling_steps=own.sampling_steps,
        guidance=own.guidance,
        seed=own.seed,
    )
    return RunOptions(
        dataset=own.dataset,
        backbone=backbone,
        metrics=",".join((own.preset, *own.metrics)),
        scenes=scenes,
        templates=own.templates,
        threads=own.threads or None,
        workers=workers.asked,
        cohort=own.cohort,
    )


def _check(run: RecordedRun, session: Session) -> None:
    """Raise `UserError` where a start would not be on the same backbone and dataset."""
    was, now = run.settings, session.settings
    for name, one, other in (
        ("backbone", was.fingerprint, now.fingerprint),
        ("dataset", was.dataset_hash, now.dataset_hash),
    ):
        if one != other:
            raise UserError(f"{run.path} was made with another {name} ({one[:20]}) than is here ({other[:20]})")
