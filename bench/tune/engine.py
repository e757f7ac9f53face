"""Tunes methods by runs: every stage is a start on one and the same run, so that nothing is computed twice."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from bench.core.errors import UserError
from bench.core.progress import console
from bench.core.scenes import Dataset
from bench.core.text import count
from bench.plugins.spec import configure, split_name
from bench.run.engine import preview, start
from bench.run.folder import RunFolder
from bench.run.options import ExecutionOptions, RunOptions
from bench.run.select_methods import MethodSelection
from bench.run.session import Session
from bench.run.settings import earlier_settings
from bench.run.worker_options import WorkerOptions
from bench.stats.intervals import FEWEST
from bench.tune.compute import Compute
from bench.tune.objective import BOUNDS, EMPTY, WRONG, Scale, scene_objectives, with_failed
from bench.tune.record import Tuning, save_tuning
from bench.tune.search import Effort, Search
from bench.tune.space import spaces

CONTROLS = MethodSelection((EMPTY, WRONG), ())
"""What a tuning begins with; the third control depends on the dataset (`bound`)."""


@dataclass(frozen=True)
class TuningRun:
    """The run that holds all trials: its folder, the options of its starts, and their workers."""

    folder: RunFolder
    options: RunOptions
    execution: ExecutionOptions
    workers: WorkerOptions

    def begun(self, tuning_scenes: int) -> Session:
        """The run with its controls; raises `UserError` where the dataset has too few scenes (`split_scenes`)."""
        _check_earlier(self.folder, tuning_scenes)
        return start(self.folder, CONTROLS, self.options, lambda one: _check_split(one, tuning_scenes))[0]

    def preview(self, tuning_scenes: int, scratch: RunFolder) -> Session:
        """What `begun` would return, with nothing written but into `scratch`; raises `UserError` as that does."""
        _check_earlier(self.folder, tuning_scenes)
        return preview(self.folder, CONTROLS, self.options, scratch, lambda one: _check_split(one, tuning_scenes))

    def session(self, specs: Sequence[str]) -> Session:
        """The run with these methods among its own."""
        return start(self.folder, MethodSelection(tuple(specs), ()), self.options)[0]

    def scores(self, specs: Sequence[str], scenes: Sequence[str]) -> pd.DataFrame:
        """Fit, draw and score these methods on these scenes, as far as that is not done; their rows of the table."""
        session, hardware = start(
            self.folder, MethodSelection(tuple(specs), ()), replace(self.options, scenes=",".join(scenes))
        )
        own = _own_spelling(session, specs)
        units = [unit for unit in session.plan if unit.method.spec in own.values() and unit.scene.name in scenes]
        with session.pool(hardware, self.execution, self.workers) or contextlib.nullcontext() as pool:
            session.generate(session.untried(units), hardware, self.execution, pool)
            table = session.score(self.options.backbone.device, pool)
        there = table[table["scene"].isin(list(scenes))]
        return pd.concat([there[there["method"] == known].assign(method=spec) for spec, known in own.items()])


def tune(run: TuningRun, methods: Sequence[str], effort: Effort, held_out: Sequence[str]) -> Tuning:
    """Search every method's space, then run the optimum and the method as it was on the `held_out` scenes.

    The result is stored in the run's folder as `tuned.json`, all trials as `tuning.csv`. Raises `UserError` for a
    method that cannot be tuned, and where the controls do not span a scale.
    """
    compute = Compute.of(run.session((EMPTY,)))  # what is wrong with it is told before anything is fitted
    searched = Search(spaces(methods), effort, lambda specs, scenes: _objectives(run, specs, scenes, effort.scenes))
    optima = searched.run()
    both = (one for spec in optima for one in (optima[spec].trial.spec, searched.default(spec).spec))
    quoted_specs = tuple(dict.fromkeys(both))
    quoted = _objectives(run, quoted_specs, held_out, held_out)
    tuning = Tuning.of(run.session(methods), searched, optima, with_failed(quoted, quoted_specs, held_out))
    save_tuning(run.folder, tuning, searched.trials, compute.with_updates(searched.results))
    return tuning


def screening_count(tuning_scenes: int) -> int:
    """How many of the tuning scenes every trial is made on: the first half; the fits of so many begin together."""
    return -(-tuning_scenes // 2)


def split_scenes(dataset: Dataset, number: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the scenes to tune on, and of those that are held out, of which no trial is chosen.

    Raises `UserError` if there are too few of either for an interval.
    """
    names = [scene.name for scene in dataset.scenes]
    if number < FEWEST or len(names) - number < FEWEST:
        raise UserError(
            f"{count(len(names), 'scene')}, {number} of them to tune on: an interval needs {FEWEST} of either; give "
            "the dataset more scenes, or another --tuning-scenes"
        )
    return tuple(names[:number]), tuple(names[number:])


def effort_on(
    dataset: Dataset, tuning_scenes: int, trials: int, kept: int, widenings: int
) -> tuple[Effort, tuple[str, ...]]:
    """What is spent on each method, and the names of the held-out scenes; raises `UserError` as `split_scenes` does."""
    scenes, held_out = split_scenes(dataset, tuning_scenes)
    return Effort(scenes[: screening_count(tuning_scenes)], scenes, trials, kept, widenings), held_out


def refuse_too_few(tuning_scenes: int) -> None:
    """Raise `UserError` for a number of tuning scenes that gives no interval, before there is a dataset."""
    if tuning_scenes < FEWEST:
        raise UserError(f"--tuning-scenes {tuning_scenes}: an interval needs {FEWEST} scenes")


def _check_earlier(folder: RunFolder, tuning_scenes: int) -> None:
    """Raise `UserError` for a run whose fits begin in cohorts of another size: its trials could not be gone on with."""
    earlier, cohort = earlier_settings(folder), screening_count(tuning_scenes)
    if earlier is not None and earlier.cohort != cohort:
        raise UserError(
            f"--tuning-scenes {tuning_scenes}: {folder.path} is a run of another kind, or a tuning that began with "
            f"{2 * earlier.cohort - 1} or {2 * earlier.cohort}; take that, or another --name"
        )


def _own_spelling(session: Session, specs: Sequence[str]) -> dict[str, str]:
    """The specs with those by which the session knows the same methods: of several spellings it keeps the first."""
    known = {method.canonical: method.spec for method in session.methods}
    return {spec: known[configure("methods", spec).canonical] for spec in specs}


def _check_split(session: Session, tuning_scenes: int) -> None:
    split_scenes(session.dataset, tuning_scenes)


def tunable(methods: Sequence[str]) -> tuple[str, ...]:
    """Those of the methods that declare what can be tuned; the others are told of.

    Raises `UserError` if none does.
    """
    found = tuple(spec for spec in methods if configure("methods", spec).drop_in.tunable.rates)
    if not found:
        raise UserError(
            f"none of the methods declares what can be tuned ({', '.join(methods)}); a class does by `tunable`"
        )
    if left := [spec for spec in methods if spec not in found]:
        console.print(
            f"not tuned, as they declare nothing to be tuned: {', '.join(left)}", soft_wrap=True, markup=False
        )
    return found


def refuse_names(texts: Sequence[str]) -> None:
    """Raise `UserError` for a method with a display name: what is tuned is known by its spec."""
    for text in texts:
        if split_name(text)[0] is not None:
            raise UserError(f"{text}: what is tuned has no name of its own; leave it out")


def _objectives(
    run: TuningRun, specs: Sequence[str], scenes: Sequence[str], scale_scenes: Sequence[str]
) -> pd.DataFrame:
    controls = run.scores((EMPTY, WRONG, bound(run)), scale_scenes)
    return scene_objectives(run.scores(specs, scenes), Scale.of(controls, bound(run)), specs)


def bound(run: TuningRun) -> str:
    """The control that keeps all identity, of those that the dataset has."""
    redrawn, real = BOUNDS
    return redrawn if all(scene.references for scene in run.session((EMPTY,)).dataset.scenes) else real
