"""The Pareto plot for a paper: a small figure by matplotlib, drawn into PDF and SVG."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.core.defaults import PARETO_AXES
from bench.core.errors import UserError
from bench.reporting.labels import Box, leader, place_labels
from bench.reporting.scatter import LegendEntry, is_point, plot_legend
from bench.reporting.text import noun
from bench.stats.summary import MethodSummary, Summary

MARKERS = {"circle": "o", "square": "s", "diamond": "D", "triangle-up": "^", "triangle-down": "v", "star": "*"}
STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same figure on every machine
    "font.size": 7,
    "axes.labelsize": 7.5,
    "axes.linewidth": 0.6,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "pdf.fonttype": 42,  # TrueType within the file: Type 3 is refused by some publishers
    "svg.fonttype": "path",  # letters as outlines: no viewer needs the font
    "svg.hashsalt": "scenebench",
    "text.parse_math": False,  # a name with $ is a name
}
GREY = "#6b7278"
GAP = 3.6
"""Between a point's centre and a label, in typographic points."""
MARGIN = 0.16
"""Room around the points for their names, as a share of each axis."""


@dataclass(frozen=True)
class PaperFigure:
    """The figure as PDF and as SVG, and where names and points stand, in typographic points within `axes`."""

    pdf: bytes
    svg: bytes
    labels: tuple[Box, ...]
    points: tuple[tuple[float, float], ...]
    axes: Box


def paper_figure(summary: Summary, width: float, height: float, controls: Collection[str] = ()) -> PaperFigure:
    """Draw the figure, `width` x `height` inches: a point and two intervals per method; the front is dotted.

    Methods on the front are filled; `controls` are grey. Raises `UserError` where no method has both coordinates, and
    where the names do not fit.
    """
    drawn = [both for both in zip(plot_legend(summary), summary.methods, strict=True) if is_point(both[1])]
    if not drawn:
        raise UserError(f"no method has both {noun(PARETO_AXES[0])} and {noun(PARETO_AXES[1])}: there is no figure")
    with rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.add_subplot()
        for key, method in drawn:
            colour = GREY if method.method in controls else key.colour
            draw_method(axes, method, colour, MARKERS[key.symbol.removesuffix("-open")], filled=key.on_front)
        _front(axes, [method for key, method in drawn if key.on_front])
        _dress(axes)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # names are placed within the axes as they are now
        labels, points, bounds = _name(figure, axes, drawn)
        return PaperFigure(_saved(figure, "pdf"), _saved(figure, "svg"), labels, points, bounds)


def draw_method(axes: Axes, method: MethodSummary, colour: str, marker: str, *, filled: bool) -> None:
    """Draw a method's means as a point, with the intervals that it has as a cross."""
    x, y = (method.estimates[axis] for axis in PARETO_AXES)
    ends = [
        [[each.mean - each.interval.low], [each.interval.high - each.mean]] if each.interval else None
        for each in (x, y)
    ]
    axes.errorbar(
        [x.mean],
        [y.mean],
        xerr=ends[0],
        yerr=ends[1],
        fmt=marker,
        color=colour,
        markerfacecolor=colour if filled else "white",
        markersize=5.5 if marker == "*" else 4,
        markeredgewidth=0.9,
        elinewidth=0.7,
        zorder=3,
    )


def _front(axes: Axes, methods: Sequence[MethodSummary]) -> None:
    """The staircase below which lies what the methods on the front beat."""
    points = sorted(
        (method.estimates[PARETO_AXES[0]].mean, method.estimates[PARETO_AXES[1]].mean) for method in methods
    )
    axes.step([x for x, _ in points], [y for _, y in points], where="pre", color=GREY, lw=0.8, ls=":", zorder=1)


def _dress(axes: Axes) -> None:
    axes.set_xlabel(f"{noun(PARETO_AXES[0])} →")
    axes.set_ylabel(f"{noun(PARETO_AXES[1])} →")
    axes.margins(MARGIN)
    axes.grid(color="#e4e7ea", lw=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=2, width=0.6)
    axes.locator_params(nbins=6)


def _name(
    figure: Figure, axes: Axes, drawn: Sequence[tuple[LegendEntry, MethodSummary]]
) -> tuple[tuple[Box, ...], tuple[tuple[float, float], ...], Box]:
    """Write the methods' names; returns their boxes, the points and the axes, in typographic points."""
    scale = 72 / figure.dpi
    bounds = extent_box(axes.get_window_extent(), scale)
    means = [tuple(method.estimates[axis].mean for axis in PARETO_AXES) for _, method in drawn]
    points = tuple((float(x) * scale, float(y) * scale) for x, y in axes.transData.transform(means))
    texts = [figure.text(0, 0, key.short) for key, _ in drawn]
    extents = [extent_box(text.get_window_extent(), scale) for text in texts]
    sizes = [(box.right - box.left + 1, box.high - box.low + 0.5) for box in extents]
    bars = [bar for _, method in drawn for bar in error_bars(axes, method, scale)]
    places = place_labels(points, sizes, bounds, GAP, bars)
    labels = tuple(place for place in places if place)
    if len(labels) < len(points):
        left = len(points) - len(labels)
        raise UserError(
            f"{left} of {len(points)} names do not fit into the figure; choose methods=..., or width and height"
        )
    for text, place, point in zip(texts, labels, points, strict=True):
        _write(figure, text, place, point, leader(place, point, points, GAP))
    return labels, points, bounds


def error_bars(axes: Axes, method: MethodSummary, scale: float) -> Iterator[Box]:
    """Where a method's error bars are, in pixels times `scale`."""
    x, y = (method.estimates[axis] for axis in PARETO_AXES)
    lines = [[(end, y.mean) for end in (x.interval.low, x.interval.high)]] if x.interval else []
    lines += [[(x.mean, end) for end in (y.interval.low, y.interval.high)]] if y.interval else []
    for line in lines:
        (left, low), (right, high) = (axes.transData.transform(line) * scale).tolist()
        yield Box(left, low - 0.5, right, high + 0.5) if low == high else Box(left - 0.5, low, right + 0.5, high)


def _write(figure: Figure, text: Any, place: Box, point: tuple[float, float], end: tuple[float, float] | None) -> None:
    """Put a name into its place, with a thin line from its point to `end`, if there is one."""
    width, height = 72 * figure.get_figwidth(), 72 * figure.get_figheight()
    text.set_position(((place.left + place.right) / 2 / width, (place.low + place.high) / 2 / height))
    text.set(ha="center", va="center", zorder=5)
    if end:
        xs, ys = [end[0] / width, point[0] / width], [end[1] / height, point[1] / height]
        figure.add_artist(Line2D(xs, ys, transform=figure.transFigure, color=GREY, lw=0.4, zorder=2))


def extent_box(extent: Any, scale: float) -> Box:
    """A matplotlib extent, in pixels times `scale`."""
    return Box(extent.x0 * scale, extent.y0 * scale, extent.x1 * scale, extent.y1 * scale)


def _saved(figure: Figure, kind: str) -> bytes:
    """The file's bytes, the same for the same figure: without the time."""
    buffer = io.BytesIO()
    told = {"CreationDate": None} if kind == "pdf" else {"Date": None}
    figure.savefig(buffer, format=kind, metadata={**told, "Title": "Pareto plot"})
    return buffer.getvalue()
