"""Plots of values over steps or counts: a line per method, with intervals where there are some."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.reporting.chart import Axis
from bench.reporting.labels import Box
from bench.reporting.scatter import COLOURS, SYMBOLS
from bench.reporting.text import bounds, number
from bench.stats.intervals import Interval

WIDTH, HEIGHT = 380, 270
LEFT, RIGHT, TOP, BOTTOM = 50, 12, 8, 44
MOST_MARKS = 30
"""Of more points of a line only the line is drawn."""


@dataclass(frozen=True)
class CurveValue:
    """A value of a line at `at`, with its interval; NaN: the line has a gap."""

    at: float
    value: float
    interval: Interval | None = None


@dataclass(frozen=True)
class CurvePoint:
    """A point in pixels, the ends of its interval, and what is told of it."""

    x: float
    y: float
    low: float | None
    high: float | None
    told: str


@dataclass(frozen=True)
class Curve:
    """A method's line: an SVG path and the points that are marked."""

    index: int
    name: str
    colour: str
    glyph: str
    outline: str
    path: str
    points: tuple[CurvePoint, ...]


@dataclass(frozen=True)
class CurvePanel:
    """One plot in pixels; `area` is what its axes enclose."""

    title: str
    x_title: str
    y_title: str
    in_words: str
    area: Box
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    curves: tuple[Curve, ...]
    width: int = WIDTH
    height: int = HEIGHT


def curve_panel(
    title: str, x_title: str, y_title: str, lines: Mapping[str, Sequence[CurveValue]], shift: float = 0.0
) -> CurvePanel:
    """A plot of one line per method; `shift` sets their points apart, so that intervals do not lie on each other."""
    known = [each for values in lines.values() for each in values if not math.isnan(each.value)]
    ends = [end for each in known if each.interval for end in (each.interval.low, each.interval.high)]
    reach = shift * len(lines) / 2
    x = Axis.around([end for each in known for end in (each.at - reach, each.at + reach)], LEFT, WIDTH - RIGHT)
    y = Axis.around([*ends, *(each.value for each in known)], HEIGHT - BOTTOM, TOP)
    curves = tuple(
        _curve(index, name, values, (x, y), shift * (index - (len(lines) - 1) / 2))
        for index, (name, values) in enumerate(lines.items())
    )
    return CurvePanel(
        title,
        x_title,
        y_title,
        f"{title} by {x_title}; the values are in the tables of this page",
        Box(LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM),
        _integers(x) if shift else x.ticks(6),
        y.ticks(),
        curves,
    )


def _integers(axis: Axis) -> tuple[tuple[float, str], ...]:
    """The counts along an axis."""
    return tuple((axis.at(value), str(value)) for value in range(math.ceil(axis.low), math.floor(axis.high) + 1))


def _curve(index: int, name: str, values: Sequence[CurveValue], axes: tuple[Axis, Axis], shift: float) -> Curve:
    _, glyph, _, outline = SYMBOLS[(index + index // len(COLOURS)) % len(SYMBOLS)]
    points, path, pen = [], "", "M"
    for each in values:
        if math.isnan(each.value):
            pen = "M"
            continue
        x, y = axes[0].at(each.at + shift), axes[1].at(each.value)
        path += f"{pen}{x:.1f} {y:.1f}"
        pen = "L"
        low, high = (axes[1].at(each.interval.low), axes[1].at(each.interval.high)) if each.interval else (None, None)
        told = f"{name}\n{each.at:g}: {number(each.value)} {bounds(each.interval)}".strip()
        points.append(CurvePoint(x, y, low, high, told))
    marked = tuple(points) if len(points) <= MOST_MARKS else ()
    return Curve(index, name, COLOURS[index % len(COLOURS)], glyph, outline, path, marked)
