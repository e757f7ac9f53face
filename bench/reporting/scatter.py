"""The Pareto scatter: prompt similarity by identity similarity, a point and two intervals per method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from bench.core.defaults import PARETO_AXES
from bench.plugins.metric import Column
from bench.reporting.chart import Axis
from bench.reporting.labels import Box, leader, place_labels
from bench.reporting.text import bounds, noun, number
from bench.stats.front import axes_of
from bench.stats.scene_means import common_pictures, scene_means
from bench.stats.summary import Estimate, MethodSummary, Summary

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's colours, which colour-blind readers can tell apart."""
SYMBOLS = (
    ("circle", "●", "○", "M-1 0A1 1 0 1 1 1 0A1 1 0 1 1-1 0Z"),
    ("square", "■", "□", "M-.9-.9H.9V.9H-.9Z"),
    ("diamond", "◆", "◇", "M0-1.25L1.1 0L0 1.25L-1.1 0Z"),
    ("triangle-up", "▲", "△", "M0-1.2L1.15.8H-1.15Z"),
    ("triangle-down", "▼", "▽", "M0 1.2L1.15-.8H-1.15Z"),
    ("star", "★", "☆", "M0-1.4L.33-.45L1.33-.43L.53.17L.82 1.13L0 .56L-.82 1.13L-.53.17L-1.33-.43L-.33-.45Z"),
)
"""A symbol's name, the same as a letter, filled and open, and its outline of radius 1 as an SVG path."""
LONGEST = 22
"""Letters of a method's name that stand beside its point."""
WIDE, NARROW = (780, 470, True), (350, 330, False)
"""A plot's width and height in pixels, and whether names stand in it: on a narrow one they would hide it."""
LEFT, RIGHT, TOP, BOTTOM = 50, 12, 12, 46
GAP, LETTER, LINE_HEIGHT = 9.0, 7.6, 16.0
"""Between a point and a name, and the size of a letter of a name; in pixels."""
LEAST = 0.2
"""What an axis spans where a single value is all there is to show."""


@dataclass(frozen=True)
class LegendEntry:
    """How a method is drawn; `glyph` and the point are filled on the Pareto front and open off it.

    `place` says in words where it is.
    """

    index: int
    method: str
    short: str
    colour: str
    symbol: str
    glyph: str
    place: str
    on_front: bool
    outline: str


@dataclass(frozen=True)
class ScatterPoint:
    """A scene mean: where it is drawn, and what is told of it."""

    x: float
    y: float
    told: str


@dataclass(frozen=True)
class ScatterSeries:
    """A method's mean with its intervals (`bars`: left, top, right, bottom), its scene means and its name's place.

    `leader` is where a line from the point to its name ends; None if there is none.
    """

    key: LegendEntry
    x: float
    y: float
    bars: tuple[tuple[float, float, float, float], ...]
    told: str
    scenes: tuple[ScatterPoint, ...]
    label: Box | None = None
    leader: tuple[float, float] | None = None


@dataclass(frozen=True)
class ScatterPlot:
    """The plot in pixels; `area` is what its axes enclose, ticks are pixels and numbers, `front` an SVG path."""

    width: int
    height: int
    area: Box
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    series: tuple[ScatterSeries, ...]
    front: str


def plot_legend(summary: Summary) -> tuple[LegendEntry, ...]:
    """A colour and a symbol for every method; no two of the first 36 share both."""
    names = [method.method for method in summary.methods]
    return tuple(_key(index, method, names) for index, method in enumerate(summary.methods))


def pareto_figure(summary: Summary, table: pd.DataFrame, metrics: Sequence[Column]) -> tuple[ScatterPlot, ...]:
    """The plot for a wide and for a narrow page; nothing if it would be empty.

    Points are means over scenes with their intervals, faint ones the scene means; only the wide plot has names in it.
    """
    drawn = [both for both in zip(plot_legend(summary), summary.methods, strict=True) if is_point(both[1])]
    if not drawn:
        return ()
    scenes = _scene_means(table, metrics)
    return tuple(_plot(drawn, scenes, *size) for size in (WIDE, NARROW))


def pareto_points(summary: Summary, metrics: Sequence[Column]) -> pd.DataFrame:
    """One row per method: both coordinates with their intervals, and whether it is on the front."""
    columns = [
        f"{axis.label.replace('-', '_')}{end}"
        for axis in axes_of(metrics)
        for end in ("", "_low", "_high", "_interval", "_n_scenes")
    ]
    return summary.frame()[["method", *columns, "n_scenes", "n_pictures", "pareto"]]


def why_no_plot(metrics: Sequence[Column]) -> str:
    """Why `pareto_figure` gives none, in one sentence."""
    known = [metric.label for metric in metrics]
    if lacking := [noun(axis) for axis in PARETO_AXES if axis not in known]:
        return f"There is no plot: the run's metrics have no {' and no '.join(lacking)}."
    return f"There is nothing to plot: no method has both {noun(PARETO_AXES[0])} and {noun(PARETO_AXES[1])}."


def describe_plot(summary: Summary) -> str:
    """The plot in words, for who cannot see it."""
    points = (
        f"{method.method}: " + ", ".join(f"{_name(axis)} {_words(method.estimates[axis])}" for axis in PARETO_AXES)
        for method in summary.methods
    )
    return f"Scatter plot of {noun(PARETO_AXES[0])} against {noun(PARETO_AXES[1])}. " + "; ".join(points)


def _name(axis: str) -> str:
    """A short name: `prompt`, `identity`."""
    return axis.partition("-")[0]


def _key(index: int, method: MethodSummary, names: Sequence[str]) -> LegendEntry:
    symbol, filled, hollow, path = SYMBOLS[(index + index // len(COLOURS)) % len(SYMBOLS)]
    return LegendEntry(
        index=index,
        method=method.method,
        short=_short(method.method, names),
        colour=COLOURS[index % len(COLOURS)],
        symbol=symbol if method.pareto else f"{symbol}-open",
        glyph=filled if method.pareto else hollow,
        place=_place(method),
        on_front=method.pareto,
        outline=path,
    )


def _place(method: MethodSummary) -> str:
    if not is_point(method):
        return "not in the plot: it lacks a similarity"
    if method.control:
        return "a control"
    return "on the Pareto front" if method.pareto else "not on the front"


def _short(name: str, names: Sequence[str]) -> str:
    """A name without its settings if that tells it apart, cut to what fits beside a point."""
    bare = name.partition("[")[0]
    alone = [other.partition("[")[0] for other in names].count(bare) == 1
    chosen = bare if alone else name
    return chosen if len(chosen) <= LONGEST else f"{chosen[: LONGEST - 1]}…"


def _point(method: MethodSummary) -> tuple[float, float]:
    x, y = (method.estimates[axis].mean if axis in method.estimates else math.nan for axis in PARETO_AXES)
    return x, y


def is_point(method: MethodSummary) -> bool:
    """Whether a method has both coordinates."""
    return not any(math.isnan(value) for value in _point(method))


def _scene_means(table: pd.DataFrame, metrics: Sequence[Column]) -> pd.DataFrame:
    """The scene means that methods' points are the means of, by method and scene, a column per axis."""
    shared = common_pictures(table)
    means = scene_means(table if shared.empty else shared, axes_of(metrics))
    return means.pivot(index=["method", "scene"], columns="metric", values="mean")


def _plot(
    drawn: Sequence[tuple[LegendEntry, MethodSummary]], scenes: pd.DataFrame, width: int, height: int, named: bool
) -> ScatterPlot:
    axes = tuple(_axis(place, drawn, scenes, (width, height)) for place in range(2))
    series = [_series(key, method, pd.DataFrame(scenes.loc[method.method]), axes) for key, method in drawn]
    area = Box(axes[0].start, axes[1].end, axes[0].end, axes[1].start)
    if named:
        bars = [Box(*bar) for one in series for bar in one.bars]
        sizes = [(LETTER * len(one.key.short), LINE_HEIGHT) for one in series]
        points = [(one.x, one.y) for one in series]
        labels = place_labels(points, sizes, area, GAP, bars)
        series = [_named(one, label, points) for one, label in zip(series, labels, strict=True)]
    front = sorted((one.x, one.y) for one in series if one.key.on_front)
    return ScatterPlot(width, height, area, axes[0].ticks(width // 90), axes[1].ticks(), tuple(series), _stairs(front))


def _named(one: ScatterSeries, label: Box | None, points: Sequence[tuple[float, float]]) -> ScatterSeries:
    """The series with its name at `label`, and a line to it where it could be taken for another's."""
    return replace(one, label=label, leader=leader(label, (one.x, one.y), points, GAP)) if label else one


def _axis(
    place: int, drawn: Sequence[tuple[LegendEntry, MethodSummary]], scenes: pd.DataFrame, size: tuple[int, int]
) -> Axis:
    """The axis of prompt (0) or identity (1) similarity: it shows every mean, its interval and all scene means."""
    estimates = [method.estimates[PARETO_AXES[place]] for _, method in drawn]
    own = scenes.loc[[method.method for _, method in drawn], PARETO_AXES[place]]
    ends = [end for each in estimates if each.interval for end in (each.interval.low, each.interval.high)]
    pixels = (LEFT, size[0] - RIGHT) if place == 0 else (size[1] - BOTTOM, TOP)
    alone = len(drawn) == 1 and estimates[0].n_scenes == 1
    return Axis.around([*own, *ends, *(each.mean for each in estimates)], *pixels, LEAST if alone else 0.0)


def _series(key: LegendEntry, method: MethodSummary, own: pd.DataFrame, axes: Sequence[Axis]) -> ScatterSeries:
    estimates = [method.estimates[axis] for axis in PARETO_AXES]
    x, y = (axis.at(each.mean) for axis, each in zip(axes, estimates, strict=True))
    across, up = (
        (axis.at(each.interval.low), axis.at(each.interval.high)) if each.interval else None
        for axis, each in zip(axes, estimates, strict=True)
    )
    bars = [(across[0], y, across[1], y)] if across else []
    bars += [(x, up[1], x, up[0])] if up else []
    told = "\n".join([method.method, *(f"{_name(axis)} {_words(method.estimates[axis])}" for axis in PARETO_AXES)])
    known = own.dropna(subset=list(PARETO_AXES))
    points = tuple(
        _scene_point(f"{method.method}\n{scene}", values, axes)
        for scene, *values in known[list(PARETO_AXES)].itertuples(name=None)
    )
    return ScatterSeries(key, x, y, tuple(bars), told, points)


def _scene_point(told: str, values: Sequence[float], axes: Sequence[Axis]) -> ScatterPoint:
    lines = [f"{_name(axis)} {number(value)}" for axis, value in zip(PARETO_AXES, values, strict=True)]
    return ScatterPoint(axes[0].at(values[0]), axes[1].at(values[1]), "\n".join([told, *lines]))


def _stairs(points: Sequence[tuple[float, float]]) -> str:
    """The staircase below which lies what the methods on the front beat, as an SVG path; points from left to right."""
    steps = [f"M{x:.1f} {y:.1f}" if index == 0 else f"V{y:.1f}H{x:.1f}" for index, (x, y) in enumerate(points)]
    return "".join(steps)


def _words(estimate: Estimate) -> str:
    return f"{number(estimate.mean)} {bounds(estimate.interval)}".strip()
