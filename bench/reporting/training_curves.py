"""How losses change while a method trains: means over fits, and a plot for each phase and loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
import pandas as pd

from bench.core.errors import UserError
from bench.core.text import count
from bench.plugins.report import ReportData
from bench.reporting.columns import CsvFile
from bench.reporting.curves import CurvePanel, CurveValue, curve_panel
from bench.reporting.mask_records import mask_curve_figure, mask_curve_frame, read_mask_records
from bench.reporting.small_columns import TRAINING_FILES
from bench.reporting.training_records import FitLosses, Numbers, TrainingRecords, read_training_records
from bench.stats.intervals import SceneMean, describe_rule

MEAN = "mean"
"""The name of the line that is the mean over fits; those of the fits are their scenes'."""
SHARE = 0.1
"""A part of a phase's steps: what a value is smoothed over, and what the table's first and last values are means of."""
_MOST_POINTS = 40
"""Number of steps of a phase that are drawn."""


@dataclass(frozen=True)
class LossRow:
    """A loss of a method in a phase: means of the first and the last tenth of its steps, and how they differ.

    Over fits that have all of the phase's steps.
    """

    method: str
    phase: int
    loss: str
    steps: int
    first: SceneMean
    last: SceneMean
    change: SceneMean


@dataclass(frozen=True, eq=False)
class TrainingCurves:
    """How the losses of a run's fits change over their steps, and the IoU of masks that they estimate.

    `masks` are the records of `bench.reporting.mask_records`; `files` say what the columns of `tables` mean.
    """

    files: ClassVar[Mapping[str, CsvFile]] = TRAINING_FILES

    records: TrainingRecords
    masks: pd.DataFrame

    @classmethod
    def read(cls, data: ReportData) -> TrainingCurves:
        """Those of a run; raises `UserError` for a damaged file, and if no fit has losses."""
        records = read_training_records(data)
        if not records.fits:
            raise UserError(
                f"{data.run_folder} has no losses: its methods train nothing, or were fitted by an earlier version; "
                "a new run of a method that trains has some: --methods ours"
            )
        return cls(records, read_mask_records(data))

    @cached_property
    def rows(self) -> tuple[LossRow, ...]:
        """A row for each method, phase and loss."""
        return loss_rows(self.records.fits)

    @property
    def rule(self) -> str:
        """How the rows' intervals were made, for a caption."""
        return describe_rule([row.first.n for row in self.rows])

    @property
    def panels(self) -> Mapping[str, tuple[CurvePanel, ...]]:
        """By method, a plot for each phase and loss."""
        return loss_panels(self.records.fits)

    @property
    def mask_panel(self) -> CurvePanel | None:
        """The masks' IoU by step; None where no method estimates masks, or none is known to be true."""
        return mask_curve_figure(self.masks) if self.masks["iou"].notna().any() else None

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """What is shown, by the names of `files`."""
        return {
            "training.csv": loss_rows_frame(self.rows),
            "curves.csv": loss_curves_frame(self.records.fits),
            "masks.csv": mask_curve_frame(self.masks),
        }


@dataclass(frozen=True, eq=False)
class _Group:
    """The fits of a method in a phase that logged a loss."""

    method: str
    phase: int
    loss: str
    fits: tuple[FitLosses, ...]

    @property
    def steps(self) -> int:
        return max(fit.steps for fit in self.fits)

    @property
    def whole(self) -> tuple[FitLosses, ...]:
        """Those with all of the phase's steps."""
        return tuple(fit for fit in self.fits if fit.steps == self.steps)

    @property
    def part(self) -> int:
        """Number of steps that values are means of."""
        return max(1, round(SHARE * self.steps))


def loss_rows(fits: Sequence[FitLosses]) -> tuple[LossRow, ...]:
    """A row for each method, phase and loss, in the order of the fits."""
    return tuple(_row(group) for group in _groups(fits))


def loss_rows_frame(rows: Sequence[LossRow]) -> pd.DataFrame:
    """The rows as a table; `first`, `last` and `change` with the bounds of their intervals."""
    names = ("first", "last", "change")
    records = [
        {"method": row.method, "phase": row.phase, "loss": row.loss, "steps": row.steps, "n_scenes": row.first.n}
        | {key: value for name in names for key, value in _quoted(name, getattr(row, name)).items()}
        for row in rows
    ]
    ends = [f"{name}{end}" for name in names for end in ("", "_low", "_high")]
    return pd.DataFrame(records, columns=["method", "phase", "loss", "steps", "n_scenes", *ends])


def loss_curves_frame(fits: Sequence[FitLosses]) -> pd.DataFrame:
    """What the plots show: the smoothed losses of each fit, and their mean, at some steps of each phase."""
    records = [
        (group.method, group.phase, group.loss, scene, unit, step, value)
        for group in _groups(fits)
        for scene, unit, values in _curves(group)
        for step, value in values.items()
    ]
    return pd.DataFrame(records, columns=["method", "phase", "loss", "scene", "unit", "step", "value"])


def loss_panels(fits: Sequence[FitLosses]) -> dict[str, tuple[CurvePanel, ...]]:
    """By method a plot for each phase and loss that has a finite value; the last of its lines is the mean."""
    found: dict[str, tuple[CurvePanel, ...]] = {}
    for group in _groups(fits):
        if panel := _panel(group):
            found[group.method] = (*found.get(group.method, ()), panel)
    return found


def _groups(fits: Sequence[FitLosses]) -> Iterator[_Group]:
    places = dict.fromkeys((fit.method, fit.phase, loss) for fit in fits for loss in fit.losses)
    for method, phase in dict.fromkeys(place[:2] for place in places):
        for loss in (place[2] for place in places if place[:2] == (method, phase)):
            own = [fit for fit in fits if (fit.method, fit.phase) == (method, phase) and loss in fit.losses]
            yield _Group(method, phase, loss, tuple(own))


def _row(group: _Group) -> LossRow:
    values = [(fit.scene, fit.losses[group.loss]) for fit in group.whole]
    first = _by_scene([(scene, _mean(each[: group.part])) for scene, each in values])
    last = _by_scene([(scene, _mean(each[-group.part :])) for scene, each in values])
    means = (SceneMean.of(each) for each in (first, last, last - first))
    return LossRow(group.method, group.phase, group.loss, group.steps, *means)


def _by_scene(values: Sequence[tuple[str, float]]) -> pd.Series[float]:
    frame = pd.DataFrame(values, columns=["scene", "value"])
    means: pd.Series[float] = frame.groupby("scene", sort=False)["value"].mean()
    return means


def _mean(values: Numbers) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _quoted(name: str, mean: SceneMean) -> dict[str, float | None]:
    low, high = (mean.interval.low, mean.interval.high) if mean.interval else (None, None)
    return {name: mean.value, f"{name}_low": low, f"{name}_high": high}


def smoothed(values: Numbers, window: int) -> Numbers:
    """The centred running mean over an odd `window`, shorter at both ends.

    NaN enters no mean; where a window has nothing else, the mean is NaN.
    """
    known = ~np.isnan(values)
    ones = np.ones(window)
    sums, counts = (
        np.convolve(each, ones)[window // 2 :][: len(values)] for each in (np.where(known, values, 0.0), known)
    )
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _curves(group: _Group) -> Iterator[tuple[str, str, dict[int, float]]]:
    """Scene, unit and smoothed values by step of each fit, then the mean over those that have all steps."""
    window = group.part | 1
    shown = np.unique(np.linspace(0, group.steps - 1, min(_MOST_POINTS, group.steps)).round().astype(int))
    smooth = {fit: smoothed(fit.losses[group.loss], window) for fit in group.fits}
    for fit, values in smooth.items():
        yield fit.scene, fit.unit, {int(step) + 1: float(values[step]) for step in shown if step < len(values)}
    if len(group.fits) > 1:
        mean = np.mean([smooth[fit] for fit in group.whole], axis=0)
        yield MEAN, "", {int(step) + 1: float(mean[step]) for step in shown}


def _panel(group: _Group) -> CurvePanel | None:
    curves = list(_curves(group))
    if all(np.isnan(value) for _, _, values in curves for value in values.values()):
        return None
    lines = {_line_name(number, scene): _values(values) for number, (scene, _, values) in enumerate(curves)}
    title = f"phase {group.phase} · {group.loss}"
    panel = curve_panel(title, "step", "", lines)
    return _told(panel, group, curves[-1][2])


def _line_name(number: int, scene: str) -> str:
    """Distinct for each line: two fits may be of one scene."""
    return f"{number} {scene}"


def _values(values: Mapping[int, float]) -> list[CurveValue]:
    return [CurveValue(step, value) for step, value in values.items()]


def _told(panel: CurvePanel, group: _Group, line: Mapping[int, float]) -> CurvePanel:
    """The panel in words, with each line called by its scene."""
    known = [value for value in line.values() if not np.isnan(value)]
    ends = f", from {known[0]:.3g} to {known[-1]:.3g}" if known else ""
    words = (
        f"{group.method}: {group.loss} loss over the {count(group.steps, 'step')} of phase {group.phase}, "
        f"{'mean of ' if len(group.fits) > 1 else ''}{count(len(group.fits), 'fit')}{ends}; "
        "the values are in curves.csv"
    )
    curves = tuple(replace(curve, name=curve.name.split(" ", 1)[1]) for curve in panel.curves)
    return replace(panel, in_words=words, curves=curves)
