"""What methods noted of the masks that they estimated: IoU with the true masks, over steps, scenes as the unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bench.core.errors import UserError, one_line
from bench.plugins.report import ReportData
from bench.reporting.curves import CurvePanel, CurveValue, curve_panel
from bench.run.folder import RunFolder
from bench.stats.intervals import SceneMean

IOU_GAIN = (-1.0, 1.0)


@dataclass(frozen=True)
class MaskRow:
    """One method: IoU of its first and its last masks, how they differ, and what DenseCRF adds to an estimate."""

    method: str
    first: SceneMean
    last: SceneMean
    change: SceneMean
    crf_gain: SceneMean

    @property
    def means(self) -> tuple[SceneMean, ...]:
        """All of them."""
        return self.first, self.last, self.change, self.crf_gain


def read_mask_records(data: ReportData) -> pd.DataFrame:
    """Every note of a mask in the run: method, scene, seed and `COLUMNS`; empty if there is none."""
    units = data.table[["method", "scene", "seed", "unit"]].drop_duplicates()
    found = list(_notes(RunFolder(data.run_folder), units))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=["method", "scene", "seed", *COLUMNS])


def _notes(folder: RunFolder, units: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for method, scene, seed, unit in units.itertuples(index=False):
        file = folder.fit_records(str(unit))
        if file.is_file():
            notes = _read_notes(file)
            if set(COLUMNS) <= set(notes):
                yield notes[list(COLUMNS)].assign(method=method, scene=scene, seed=seed)


def _read_notes(file: Path) -> pd.DataFrame:
    """What a fit told, from its CSV; `step`, `concept` and the IoUs are numbers where it tells of masks."""
    try:
        notes = pd.read_csv(file)
        numbers = [name for name in NUMBERS if name in notes]
        return notes.assign(**{name: pd.to_numeric(notes[name]) for name in numbers})
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except (OSError, ValueError) as error:
        told = f"{file} is damaged ({one_line(error)})"
        raise UserError(f"{told}; delete it: the page then leaves this fit's masks out") from error


def mask_rows(notes: pd.DataFrame) -> tuple[MaskRow, ...]:
    """One row per method, in the order of the notes; each value is a mean over concepts, then over scenes."""
    return tuple(_row(str(method), rows) for method, rows in notes.groupby("method", sort=False))


def _row(method: str, notes: pd.DataFrame) -> MaskRow:
    first = _by_scene(notes[notes["step"] == 0], "iou")
    last = _by_scene(notes[notes["step"] == notes["step"].max()], "iou")
    estimates = notes[notes["estimated"]].assign(gain=lambda rows: rows["iou"] - rows["iou_without_crf"])
    return MaskRow(
        method,
        SceneMean.of(first, (0.0, 1.0)),
        SceneMean.of(last, (0.0, 1.0)),
        SceneMean.of(last - first, IOU_GAIN),
        SceneMean.of(_by_scene(estimates, "gain"), IOU_GAIN),
    )


def _by_scene(notes: pd.DataFrame, column: str) -> pd.Series[float]:
    """The mean over the notes of each scene."""
    means: pd.Series[float] = notes.groupby("scene", sort=False)[column].mean()
    return means


def mask_curve_frame(notes: pd.DataFrame) -> pd.DataFrame:
    """IoU by step as a table: method, step, iou; without rows if there is no note."""
    if notes.empty:
        return pd.DataFrame(columns=["method", "step", "iou"])
    curves = {method: curve.rename_axis("step").rename("iou") for method, curve in iou_by_step(notes).items()}
    return pd.concat(curves, names=["method"]).reset_index()


def mask_curve_figure(notes: pd.DataFrame) -> CurvePanel:
    """IoU by step, a line per method: Figure 3 of Rahman et al. 2024."""
    lines = {
        method: [CurveValue(float(str(step)), float(value)) for step, value in curve.items()]
        for method, curve in iou_by_step(notes).items()
    }
    return curve_panel("IoU of estimated masks", "step", "IoU with the true mask", lines)


COLUMNS = ("step", "concept", "label", "estimated", "iou", "iou_without_crf")
"""What a method's note of a mask has, a row a step and concept (`bench.diffusion.em.latent_scene`)."""

NUMBERS = ("step", "concept", "iou", "iou_without_crf")
"""Those of them that are numbers."""


def iou_by_step(notes: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """IoU by step for each method (Rahman et al. 2024, Figure 3): the mean over concepts, then over scenes.

    `notes` has `COLUMNS`, `method` and `scene`. Masks that are never updated go on to the last step of all methods.
    """
    last = int(notes["step"].max())
    found: dict[str, pd.Series[float]] = {}
    for method, rows in notes.groupby("method", sort=False):
        scenes = rows.groupby(["step", "scene"])["iou"].mean()
        found[str(method)] = scenes.groupby("step").mean().reindex(np.arange(last + 1)).ffill()
    return found
