"""A run as its files tell it: neither its methods nor its models are needed to read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import pandas as pd

from bench.core.errors import UserError, one_line
from bench.core.hashing import digest
from bench.core.table import COLUMNS
from bench.core.text import count
from bench.data.manifest import MANIFEST, Manifest, read_manifest
from bench.plugins.method import is_control
from bench.plugins.metric import Column
from bench.plugins.spec import Configured, configure
from bench.reporting.command import going_on
from bench.run.evaluators import recorded_evaluators, recorded_scoring_version
from bench.run.folder import PresetFolder, RunFolder, open_run
from bench.run.names import label
from bench.run.settings import Settings, load_settings
from bench.run.status import read_status
from bench.run.table_types import kinds_of, table_fault
from bench.run.versions import recorded_versions
from bench.scoring.presets import find_preset
from bench.scoring.selection import columns_of, standard_metrics


@dataclass(frozen=True, eq=False)
class RecordedRun:
    """A scored run: its settings, its table, and what made them.

    In `table` methods have the names that the run gives them. `metrics` are the compared columns that the table has.
    `evaluators` has the commit or hash of every model behind the scores, `versions` the sets of package versions that
    the run was worked on with; both are empty where an older version did not record them. `unread` are metrics of the
    run that are not installed here, and so are left out. `scoring_version` is the `SCORING_VERSION` of the scores, None
    where an older version did not record it.
    """

    folder: RunFolder
    settings: Settings
    table: pd.DataFrame
    metrics: tuple[Column, ...]
    evaluators: Mapping[str, str]
    versions: tuple[Mapping[str, str], ...]
    preset: str
    unread: tuple[str, ...] = ()
    scoring_version: int | None = None

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.folder.path

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods of the table, by name, in its order."""
        return tuple(str(name) for name in self.table["method"].unique())

    @cached_property
    def controls(self) -> tuple[str, ...]:
        """Those of the methods that are controls, which do not compete; a method that is not installed here is none."""
        return tuple(name for name in self.methods if _is_control(self.spec(name)))

    @property
    def scored(self) -> str:
        """The day on which the table was written, such as 2026-11-22 (UTC)."""
        return datetime.fromtimestamp(self.folder.table.stat().st_mtime, UTC).date().isoformat()

    @property
    def preset_digest(self) -> str:
        """A hash of the preset's name and of the models that the table was scored with, 12 hexadecimal digits."""
        return digest({"preset": self.preset, "models": dict(self.evaluators)})[:12]

    @property
    def scoring(self) -> str:
        """The version of the scoring, in words: `3`, or `not recorded`."""
        return "not recorded" if self.scoring_version is None else str(self.scoring_version)

    def spec(self, method: str) -> str:
        """The spec of the method of that name."""
        return next((spec for spec, name in self.settings.names.items() if name == method), method)

    @property
    def dataset_folder(self) -> Path:
        """The folder of the dataset: in the run, where it built the dataset itself, else where it was asked for."""
        own = self.folder.dataset
        return own if (own / MANIFEST).is_file() else Path(self.settings.dataset)

    @cached_property
    def manifest(self) -> Manifest | None:
        """The manifest of the run's dataset; None where it is not there, or is not the one that the run began with."""
        if not (self.dataset_folder / MANIFEST).is_file():
            return None
        found = read_manifest(self.dataset_folder / MANIFEST)
        return found if found.sha256 == self.settings.dataset_hash else None


def open_recorded(path: Path, preset: str | None = None) -> RecordedRun:
    """Read a scored run, as scored with its own preset or another.

    Raises `UserError` if there is no run, if it was not scored, and for a damaged table.
    """
    folder = open_run(path)
    settings = load_settings(folder)
    name = preset or settings.preset
    if name != settings.preset:
        folder = folder.with_preset(name)
    columns, unread = _columns(settings, name)
    table = _table(folder, settings, columns)
    there = tuple(column for column in columns if column.better is not None and column.name in table)
    return RecordedRun(
        folder=folder,
        settings=settings,
        table=table.assign(method=table["method"].map(lambda spec: label(settings.names, str(spec)))),
        metrics=there,
        evaluators=recorded_evaluators(folder),
        versions=tuple(recorded_versions(folder)),
        preset=name,
        unread=unread,
        scoring_version=recorded_scoring_version(folder),
    )


def common_metrics(runs: Sequence[RecordedRun]) -> tuple[Column, ...]:
    """The metrics that every run's table has, in the order of the first."""
    return tuple(
        metric
        for metric in runs[0].metrics
        if all(metric.name in {own.name for own in run.metrics} for run in runs[1:])
    )


def _is_control(spec: str) -> bool:
    try:
        return is_control(configure("methods", spec).instance)
    except UserError:
        return False


def _columns(settings: Settings, preset: str) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """The columns of the run's metrics, and the metrics that are not installed here."""
    metrics: list[Configured] = list(standard_metrics())
    unread = []
    for spec in settings.metrics:
        try:
            metrics.append(configure("metrics", spec))
        except UserError:
            unread.append(spec)
    found = find_preset(preset)
    return tuple(column for metric in metrics for column in columns_of(metric, found)), tuple(unread)


def _unscored(folder: RunFolder) -> UserError:
    """Why a run has no table: it is at work, it was stopped, or only its scores are missing."""
    there = f"{folder.path} has no {folder.table.name} yet"
    if folder.asked.is_file() and not isinstance(folder, PresetFolder):
        found = read_status(folder)
        done = f"{found.done} of {count(found.units, 'unit')} done"
        if found.alive is not False:
            return UserError(f"{there}: it is still at work, {done}; `bench status {folder.path}` says when it ends")
        if found.todo:
            return UserError(f"{there}: it was stopped, {done}; go on with: {going_on(folder)}")
    preset = f" --metrics {folder.preset}" if isinstance(folder, PresetFolder) else ""
    return UserError(f"{there}; score it first: bench score {folder.path}{preset}")


def _table(folder: RunFolder, settings: Settings, columns: Sequence[Column]) -> pd.DataFrame:
    file = folder.table
    if not file.is_file():
        raise _unscored(folder)
    try:
        table = pd.read_parquet(file)
    except (OSError, ValueError, LookupError, NotImplementedError) as error:
        raise UserError(
            f"{file} is damaged ({one_line(error)}); delete it and run bench score {folder.path}"
        ) from error
    if lacking := [name for name in COLUMNS if name not in table]:
        raise UserError(f"{file} has no column {lacking[0]}; run bench score {folder.path}, which draws nothing")
    if fault := table_fault(table, kinds_of(column for column in columns if column.name in table)):
        raise UserError(f"{file} is damaged ({fault}); delete it and run bench score {folder.path}")
    table = table[table["method"].isin(settings.methods)]  # not one that was taken out
    if table.empty:
        raise UserError(f"{folder.path} has no finished unit yet, so there is nothing to read")
    return table
