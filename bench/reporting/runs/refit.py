"""Units of a run fitted and drawn again, in a folder of their own, and compared with the first time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.core.device import resolve
from bench.core.errors import UserError
from bench.core.hashing import pixel_hash
from bench.core.images import read_picture
from bench.core.leftovers import scratch_folder
from bench.core.scenes import Dataset
from bench.plugins.method import is_control
from bench.plugins.metric import Column
from bench.plugins.spec import Configured
from bench.reporting.runs.recomputed import score_files
from bench.reporting.runs.recorded import RecordedRun
from bench.run.execute import is_drawn
from bench.run.folder import RunFolder
from bench.run.options import ExecutionOptions
from bench.run.plan import ExternalInputs, Unit, find_external_inputs
from bench.run.session import Session
from bench.scoring.presets import find_preset
from bench.scoring.selection import compared_columns, standard_metrics
from bench.stats.differences import PairedDifference, corrected, paired_difference
from bench.stats.scene_means import numbers

SEED = 0


@dataclass(frozen=True)
class Refitted:
    """Units that were made again: their names, how many pictures have equal pixels, and the metrics' differences.

    Differences are over units, the new result less the recorded one, corrected over the metrics.
    """

    units: tuple[str, ...]
    same: int
    pictures: int
    differences: tuple[PairedDifference, ...]


def refit(run: RecordedRun, dataset: Dataset, units: int, margin: float, device: str) -> Refitted:
    """Fit, draw and score `units` of the run's units again, drawn at random with a fixed seed; controls are left out.

    Raises `UserError` where the run has no such units, and for a unit that fails.
    """
    with scratch_folder() as scratch:
        session = _session(run, RunFolder(scratch / "again"))
        chosen = _chosen(session, run, units)
        hardware = resolve(device, run.settings.precision)
        session.generate(chosen, hardware, ExecutionOptions(batch_size=8, keep_weights=False))
        if failed := [_name(unit) for unit in chosen if not is_drawn(session.folder, unit)]:
            raise UserError(f"refitting {failed[0]} failed; start it by itself to see why: bench run")
        pairs = [_rows(session.folder, run, unit) for unit in chosen]
        same = sum(_same(run.path, session.folder.path, rows) for rows in pairs)
        metrics = tuple(
            column
            for column in compared_columns(standard_metrics(), find_preset(run.preset))
            if column.name in run.table
        )
        found = [_values(session.folder.path, run, dataset, rows, metrics, device) for rows in pairs]
    pictures = sum(rows["file"].nunique() for rows in pairs)
    return Refitted(tuple(map(_name, chosen)), same, pictures, _differences(found, metrics, pictures, margin))


def _session(run: RecordedRun, folder: RunFolder) -> Session:
    """A start on an empty folder with the run's settings and dataset."""

    def find_inputs(_folder: RunFolder, method: Configured, data: Dataset) -> ExternalInputs:
        return find_external_inputs(method, data)

    folder.path.mkdir(parents=True)
    return Session(folder, replace(run.settings, starts=()), find_inputs, run.dataset_folder)


def _chosen(session: Session, run: RecordedRun, units: int) -> tuple[Unit, ...]:
    drawn = set(zip(run.table["method"], run.table["scene"], strict=True))
    able = [
        unit
        for unit in session.plan
        if (session.label(unit.method.spec), unit.scene.name) in drawn and not is_control(unit.method.instance)
    ]
    if not able:
        raise UserError(f"{run.path} has no unit that can be fitted again by itself (controls cannot)")
    places = np.random.default_rng(SEED).permutation(len(able))[:units]
    return tuple(able[place] for place in sorted(places))


def _name(unit: Unit) -> str:
    return f"{unit.method.spec} on {unit.scene.name}"


def _rows(folder: RunFolder, run: RecordedRun, unit: Unit) -> pd.DataFrame:
    """The unit's rows of the table, with the new pictures' files as `again`."""
    name = run.settings.names.get(unit.method.spec, unit.method.spec)
    rows = run.table[(run.table["method"] == name) & (run.table["scene"] == unit.scene.name)]
    files = {
        (prompt.template, "+".join(map(str, prompt.subset)), prompt.sample): folder.picture(planned.key)
        for planned in unit.pictures
        for prompt in [planned.request.prompt]
    }
    keys = zip(rows["template"], rows["subset"], rows["sample"], strict=True)
    return rows.assign(again=[files[key].relative_to(folder.path).as_posix() for key in keys])


def _same(first: Path, second: Path, rows: pd.DataFrame) -> int:
    pairs = rows.drop_duplicates("file")[["file", "again"]].to_numpy().tolist()
    return sum(
        pixel_hash(read_picture(first / one)) == pixel_hash(read_picture(second / other)) for one, other in pairs
    )


def _values(
    folder: Path, run: RecordedRun, dataset: Dataset, rows: pd.DataFrame, metrics: Sequence[Column], device: str
) -> Mapping[str, tuple[float, float]]:
    """By metric, the unit's mean over its rows as recorded, and as scored again."""
    prompts = [group for _, group in rows.assign(file=rows["again"]).groupby(["template", "subset"], sort=False)]
    again: list[Mapping[str, Any]] = [
        values
        for _, of_prompt in score_files(folder, dataset, find_preset(run.preset), prompts, device)
        for of_picture in of_prompt
        for values in of_picture
    ]
    fresh = pd.DataFrame(again)
    return {one.label: (_mean(rows[one.name]), _mean(fresh[one.name])) for one in metrics}


def _mean(values: pd.Series[Any]) -> float:
    return float(numbers(values).mean())


def _differences(
    found: Sequence[Mapping[str, tuple[float, float]]], metrics: Sequence[Column], pictures: int, margin: float
) -> tuple[PairedDifference, ...]:
    differences = []
    for metric in metrics:
        values = np.array([unit[metric.label] for unit in found], dtype=np.float64).reshape(-1, 2)
        whole = values[~np.isnan(values).any(axis=1)]
        differences.append(paired_difference("units", metric, whole, pictures, margin))
    return corrected(differences)
