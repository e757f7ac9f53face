"""What tuning changes, as one figure: an arrow from each method as it is to the same method at its optimum."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from itertools import cycle

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.core.defaults import PARETO_AXES
from bench.core.errors import UserError
from bench.reporting.labels import Box, place_labels
from bench.reporting.paper_figure import GREY, STYLE, draw_method, error_bars, extent_box
from bench.reporting.runs.recorded import RecordedRun
from bench.reporting.text import noun
from bench.stats.summary import MethodSummary, summarise

Point = tuple[float, float]
INCHES = (6.4, 4.4)
COLOURS = ("#332288", "#cc6677", "#117733", "#88ccee", "#ddaa33", "#aa4499", "#44aa99", "#882255", "#999933")
"""Paul Tol's muted scheme, which colour-blind readers can tell apart."""
GAP = 6.0
"""Between a point's centre and a name, in typographic points."""


def tuned_figure(run: RecordedRun, optima: Mapping[str, str], bounds: Sequence[str]) -> bytes:
    """An SVG of prompt against identity similarity with 95 % intervals; hollow: as it is, filled: at its optimum.

    `optima` has the tuned method of each method, itself where its optimum is its own settings; `bounds` are controls,
    in grey.
    """
    chosen = list(dict.fromkeys((*optima, *optima.values(), *bounds)))
    table = run.table[run.table["method"].isin(chosen)]
    found = {method.method: method for method in summarise(table, run.metrics, bounds).methods}
    with rc_context({**STYLE, "font.size": 8}):
        figure = Figure(figsize=INCHES, layout="constrained")
        axes = figure.add_subplot()
        _dress(axes)
        for (name, optimum), colour in zip(optima.items(), cycle(COLOURS), strict=False):
            if optimum != name:
                draw_method(axes, found[name], colour, "o", filled=False)
                _arrow(axes, found[name], found[optimum], colour)
            draw_method(axes, found[optimum], colour, "o", filled=True)
        for name in bounds:
            draw_method(axes, found[name], GREY, "o", filled=False)
        named = {name: found[optima.get(name, name)] for name in (*optima, *bounds)}
        _name(figure, axes, named, [found[name] for name in optima])
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Title": "What tuning changes"})
    return buffer.getvalue()


def _dress(axes: Axes) -> None:
    axes.set_xlabel(f"{noun(PARETO_AXES[0])} →")
    axes.set_ylabel(f"{noun(PARETO_AXES[1])} →")
    axes.grid(color="#e4e7ea", lw=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(0.1)


def _arrow(axes: Axes, start: MethodSummary, end: MethodSummary, colour: str) -> None:
    arrow = {"arrowstyle": "-|>", "color": colour, "lw": 1.2, "shrinkA": 3, "shrinkB": 3, "alpha": 0.55}
    axes.annotate("", _point(end), _point(start), arrowprops=arrow, zorder=2)


def _name(figure: Figure, axes: Axes, named: Mapping[str, MethodSummary], others: Sequence[MethodSummary]) -> None:
    """Write each name beside its point, off the error bars and the points of `others` where there is room."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    scale = 72 / figure.dpi
    texts = [figure.text(0, 0, name, ha="center", va="center", zorder=5) for name in named]
    extents = [extent_box(text.get_window_extent(), scale) for text in texts]
    bars = [bar for method in (*named.values(), *others) for bar in error_bars(axes, method, scale)]
    places = place_labels(
        [_on_page(axes, method, scale) for method in named.values()],
        [(box.right - box.left, box.high - box.low) for box in extents],
        extent_box(axes.get_window_extent(), scale),
        GAP,
        [*bars, *(Box.around(*_on_page(axes, method, scale), GAP, GAP) for method in others)],
    )
    for text, place in zip(texts, places, strict=True):
        if place is None:
            raise UserError(f"the figure has no room for the name {text.get_text()}; make it larger")
        width, height = (72 * inches for inches in INCHES)
        text.set_position(((place.left + place.right) / 2 / width, (place.low + place.high) / 2 / height))


def _point(method: MethodSummary) -> Point:
    x, y = (method.estimates[axis].mean for axis in PARETO_AXES)
    return x, y


def _on_page(axes: Axes, method: MethodSummary, scale: float) -> Point:
    x, y = (float(at) * scale for at in axes.transData.transform(_point(method)))
    return x, y
