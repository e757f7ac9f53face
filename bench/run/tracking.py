"""Logs a run to an experiment tracker while it goes. Nothing that a tracker does can break the run."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace

import pandas as pd

from bench.core.errors import one_line
from bench.core.progress import console
from bench.run.cost import read_unit_record
from bench.run.folder import RunFolder
from bench.run.losses import last_loss
from bench.run.options import ExecutionOptions
from bench.run.plan import Unit
from bench.run.session import Session
from bench.run.trackers import Config, Tracker, open_tracker
from bench.scoring.selection import compared_columns
from bench.stats.scene_means import scene_means

NOT_SETTINGS = ("methods", "names", "starts")
"""Settings that are not logged as such: methods are, with all that is set of them."""


class Tracking:
    """What a start tells a tracker. What that raises is said once, and then it is told nothing more."""

    def __init__(self, name: str, folder: RunFolder, config: Config, label: Callable[[str], str]) -> None:
        self._name = name
        self._folder = folder
        self._label = label
        self._step = 0
        self._tracker: Tracker | None = None
        with self._unbroken():
            self._tracker = open_tracker(name, folder.name, config)

    def told(self, execution: ExecutionOptions) -> ExecutionOptions:
        """The same options, of which this is told."""
        return replace(execution, on_done=self.unit_done)

    def unit_done(self, unit: Unit) -> None:
        """Log a unit that is done: its method, its scene, what its fit took and the loss at its end."""
        self._step += 1
        method = self._label(unit.method.spec)
        with self._unbroken():
            of_fit = {
                "fit_seconds": read_unit_record(self._folder.unit_record(unit.key)).cost_fit_seconds,
                "loss": last_loss(self._folder, unit.key),
            }
            numbers = {f"{name}/{method}": value for name, value in of_fit.items() if not math.isnan(value)}
            self._log({"units": float(self._step), **numbers}, {"method": method, "scene": unit.scene.name})

    def scored(self, means: Mapping[str, float]) -> None:
        """Log the metrics' means."""
        self._step += 1
        self._log(dict(means), {})

    def finish(self) -> None:
        """End the tracker's run."""
        with self._unbroken():
            if self._tracker is not None:
                self._tracker.finish()

    def _log(self, numbers: dict[str, float], words: dict[str, str]) -> None:
        with self._unbroken():
            if self._tracker is not None:
                self._tracker.log(numbers, words, self._step)

    @contextlib.contextmanager
    def _unbroken(self) -> Iterator[None]:
        """Around whatever a tracker does; what it prints goes to standard error, which has no results."""
        try:
            with contextlib.redirect_stdout(sys.stderr):
                yield
        except Exception as error:
            self._tracker = None
            told = f"--track {self._name} failed and is left: {one_line(error)}; the run goes on without it"
            console.print(told, soft_wrap=True, markup=False)


@contextlib.contextmanager
def tracking(name: str | None, session: Session) -> Iterator[Tracking | None]:
    """A new run in the tracker of that name while the block runs; None without one."""
    if name is None:
        yield None
        return
    tracked = Tracking(name, session.folder, _config(session), session.label)
    try:
        yield tracked
    finally:
        tracked.finish()


def metric_means(session: Session, table: pd.DataFrame) -> dict[str, float]:
    """The mean over scenes of each compared metric of each method: `prompt-similarity/ours`, where there is one."""
    columns = compared_columns(session.metrics, session.preset)
    named = table.assign(method=table["method"].map(session.label))
    means = scene_means(named, columns).dropna(subset=["mean"])
    return {
        f"{metric}/{method}": float(rows["mean"].mean())
        for (method, metric), rows in means.groupby(["method", "metric"], sort=False)
    }


def _config(session: Session) -> Config:
    """The settings of the run, and the resolved configuration of every method by its name in tables."""
    settings = {name: value for name, value in asdict(session.settings).items() if name not in NOT_SETTINGS}
    methods = {session.label(method.spec): dict(method.configuration) for method in session.methods}
    return {**settings, "methods": methods}
