"""The losses that fits logged, read from a run's folder: `losses/KEY.csv`, a row a step with a column a loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.core.errors import UserError, one_line
from bench.plugins.method import TOTAL
from bench.plugins.report import ReportData
from bench.run.folder import RunFolder
from bench.run.losses import PLACE
from bench.run.status import asked_units

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FitLosses:
    """The losses of one fit in one phase: by name one value a step, NaN where it is not finite in float32, or missing.

    `finished` is whether the unit was: the fit of another was interrupted, or failed.
    """

    method: str
    scene: str
    unit: str
    phase: int
    losses: dict[str, Numbers]
    finished: bool = True

    @property
    def steps(self) -> int:
        """How many steps were logged."""
        return max(map(len, self.losses.values()), default=0)


@dataclass(frozen=True)
class Unlogged:
    """How many of a method's finished fits have no losses, `lacking` of `fits`."""

    method: str
    lacking: int
    fits: int


@dataclass(frozen=True, eq=False)
class TrainingRecords:
    """The losses of a run's fits, by method, phase and scene in the run's order, and of which there are none."""

    fits: tuple[FitLosses, ...]
    unlogged: tuple[Unlogged, ...]

    @property
    def without_losses(self) -> tuple[str, ...]:
        """The methods of whose fits none has losses."""
        return tuple(one.method for one in self.unlogged if one.lacking == one.fits)

    @property
    def unfinished(self) -> Mapping[str, Sequence[FitLosses]]:
        """The last phase of each unit that is not finished, by method."""
        last = {fit.unit: fit for fit in self.fits if not fit.finished}
        return {
            method: tuple(fit for fit in last.values() if fit.method == method)
            for method in dict.fromkeys(fit.method for fit in last.values())
        }


def read_training_records(data: ReportData) -> TrainingRecords:
    """The losses of all fits of the run; raises `UserError` for a damaged file."""
    folder = RunFolder(data.run_folder)
    units = _units(data, folder)
    files = [folder.losses(str(unit)) for unit in units["unit"]]
    there = [file.is_file() for file in files]
    fits = [
        fit
        for row, file, is_there in zip(units.itertuples(), files, there, strict=True)
        if is_there
        for fit in _fits(str(row.method), str(row.scene), file, bool(row.finished))
    ]
    order = {method: number for number, method in enumerate(data.methods)}
    fits.sort(key=lambda fit: (order.get(fit.method, len(order)), fit.phase))
    return TrainingRecords(tuple(fits), tuple(_unlogged(units.assign(logged=there))))


def _units(data: ReportData, folder: RunFolder) -> pd.DataFrame:
    """Method, scene and key of every unit of the table, and of those that are asked for and not in it."""
    units = data.table[["method", "scene", "unit"]].drop_duplicates().assign(finished=True)
    asked = asked_units(folder) if folder.asked.is_file() else []
    known = set(units["unit"])
    others = [(one.method, one.scene, one.unit, False) for one in asked if one.unit not in known]
    frame = pd.DataFrame(others, columns=["method", "scene", "unit", "finished"])
    frame = frame[frame["method"].isin(list(data.methods))]  # not one that was taken out
    return pd.concat([units, frame], ignore_index=True) if len(frame) else units


def _unlogged(units: pd.DataFrame) -> Iterator[Unlogged]:
    finished = units[units["finished"]]
    for method, rows in finished.groupby("method", sort=False):
        if lacking := int((~rows["logged"]).sum()):
            yield Unlogged(str(method), lacking, len(rows))


def _fits(method: str, scene: str, file: Path, finished: bool) -> Iterator[FitLosses]:
    """The phases of a fit."""
    frame = _read(file)
    for phase, rows in frame.groupby("phase"):
        losses = {str(name): _finite(rows[name]) for name in frame if name not in PLACE and rows[name].notna().any()}
        yield FitLosses(method, scene, file.stem, int(str(phase)), _without_copy(losses), finished)


def _finite(column: pd.Series[float]) -> Numbers:
    values = column.to_numpy(dtype=np.float64)
    with np.errstate(over="ignore"):
        return np.where(np.isfinite(values.astype(np.float32)), values, np.nan)


def _without_copy(losses: dict[str, Numbers]) -> dict[str, Numbers]:
    """The losses with the total first, or without it where it has one part and is the same."""
    parts = {name: values for name, values in losses.items() if name != TOTAL}
    if TOTAL not in losses:
        return parts
    if len(parts) == 1 and all(np.array_equal(part, losses[TOTAL], equal_nan=True) for part in parts.values()):
        return parts
    return {TOTAL: losses[TOTAL], **parts}


def _read(file: Path) -> pd.DataFrame:
    try:
        frame = pd.read_csv(file)
        return frame.assign(**{str(name): pd.to_numeric(frame[name]) for name in frame}).astype(
            {str(name): int if name in PLACE else float for name in [*PLACE, *frame]}
        )
    except (OSError, ValueError, LookupError, OverflowError) as error:
        told = f"{file} is damaged ({one_line(error)})"
        raise UserError(f"{told}; delete it: the page then leaves this fit's losses out") from error
