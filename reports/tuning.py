"""The tuning report: how prompt and identity similarity respond to each rate, and how flat the optimum is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import jinja2
import numpy as np
import pandas as pd

from bench.api import (
    COLUMNS_PAGE,
    TUNING_FILES,
    CsvFile,
    ReportData,
    SceneMean,
    TunedMethod,
    UserError,
    columns_page,
    describe_rule,
    page_templates,
    read_trials,
    read_tuning,
    write_files,
)

TEMPLATE = "tuning.html.j2"
UNIT = (0.0, 1.0)
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 360, 220, 34, 10, 12, 34
"""Of a response curve in pixels, and its margins."""
SERIES = ("objective", "prompt", "identity")


@dataclass(frozen=True)
class Point:
    """A trial on a response curve: its value of the field, its mean with its interval, and where it is drawn."""

    value: float
    mean: SceneMean
    x: float
    y: float
    low: float
    high: float
    best: bool


@dataclass(frozen=True)
class Response:
    """How one of `SERIES` responds to one field of a method: the trials by the field's value."""

    field: str
    series: str
    points: tuple[Point, ...]

    @property
    def line(self) -> str:
        """The points as SVG has them."""
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)


@dataclass(frozen=True)
class TunedRow:
    """A method with what was found of it, its response curves by field, and the compute of a fit at its own steps.

    `updates` are steps times samples a step times trained numbers, NaN where they were not counted. `steps` is what
    other numbers of steps change, and what they are in words.
    """

    name: str
    found: TunedMethod
    responses: Mapping[str, tuple[Response, ...]]
    steps: tuple[tuple[str, SceneMean], ...]
    seconds: float
    updates: float


@dataclass(frozen=True)
class Report:
    """One self-contained page (`tuning.html`) on a run of `bench tune`, and all trials as CSV.

    For each method the response of prompt similarity, identity similarity (both rescaled by controls) and their
    harmonic mean to each tuned field, with intervals over the tuning scenes; the optimum, whether it lies within what
    was tried, what it gains on held-out scenes, and what half and twice as many steps change.
    """

    summary: ClassVar[str] = "response to each tuned field, the optimum and how flat it is: tuning.html, tuning.csv"
    source: ClassVar[str] = "SceneBench"
    files: ClassVar[Mapping[str, CsvFile]] = TUNING_FILES

    def write(self, data: ReportData, out: Path) -> tuple[Path, ...]:
        """Write the page, the CSV file and what its columns mean; returns them, the page first.

        Raises `UserError` for a run that `bench tune` did not make or has not finished.
        """
        tuning, trials = read_tuning(data.run_folder), read_trials(data.run_folder)
        rows = [_row(name, found, trials, data.table) for name, found in tuning.methods.items()]
        if not rows:
            raise UserError(f"{data.run_folder} has tuned no method")
        rule = describe_rule([found.chosen_by.n for found in tuning.methods.values()])
        size = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM}
        html = _template().render(data=data, tuning=tuning, rows=rows, rule=rule, size=size)
        texts: dict[str, str | bytes] = {"tuning.html": html, COLUMNS_PAGE: columns_page(self.files)}
        return write_files(out, texts, {"tuning.csv": trials})


def _template() -> jinja2.Template:
    return page_templates(Path(__file__).parent).get_template(TEMPLATE)


def _row(name: str, found: TunedMethod, trials: pd.DataFrame, table: pd.DataFrame) -> TunedRow:
    of_method = trials[trials["tuned"] == name]
    own = of_method[of_method["stage"] != "steps"]
    fields = [field for field in found.values if own[field].notna().any()]
    costs = table[table["method"].isin(own["method"])].drop_duplicates("unit")["cost_fit_seconds"]
    responses = {field: tuple(_responses(own, field, found.spec)) for field in fields}
    updates = own["updates"].mean() if "updates" in own else np.nan
    steps = tuple(_steps(of_method, found))
    return TunedRow(name, found, responses, steps, float(costs.mean()), float(updates))


def _steps(trials: pd.DataFrame, found: TunedMethod) -> Iterator[tuple[str, SceneMean]]:
    """What other numbers of steps change, fewer first; their share follows from the updates, where these are known."""
    known = trials.groupby("method")["updates"].mean() if "updates" in trials else pd.Series(dtype=float)
    shares = {spec: known.get(spec, np.nan) / known.get(found.spec, np.nan) for spec in found.steps}
    for spec in sorted(shares, key=lambda spec: shares[spec]):
        yield (spec if np.isnan(shares[spec]) else f"{shares[spec]:.2g} times as many"), found.steps[spec]


def _responses(own: pd.DataFrame, field: str, best: str) -> Iterator[Response]:
    logs = np.log(own[field].astype(float))
    for series in SERIES:
        points = [
            _point(rows, (field, series), (float(logs.min()), float(logs.max())), str(spec) == best)
            for spec, rows in own.groupby("method", sort=False)
        ]
        yield Response(field, series, tuple(sorted(points, key=lambda point: point.value)))


def _point(rows: pd.DataFrame, axes: tuple[str, str], logs: tuple[float, float], best: bool) -> Point:
    field, series = axes
    value, mean = float(rows[field].iloc[0]), SceneMean.of(rows[series].astype(float), UNIT)
    low, high = (mean.interval.low, mean.interval.high) if mean.interval else (mean.value, mean.value)
    span = logs[1] - logs[0] or 1.0
    x = LEFT + (np.log(value) - logs[0]) / span * (WIDTH - LEFT - RIGHT)
    return Point(value, mean, float(x), _height(mean.value), _height(low), _height(high), best)


def _height(value: Any) -> float:
    return float(TOP + (1.0 - value) * (HEIGHT - TOP - BOTTOM))
