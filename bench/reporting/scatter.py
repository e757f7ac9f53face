"""The Pareto scatter: prompt similarity by identity similarity, a point and two intervals per method."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from bench.core.defaults import PARETO_AXES
from bench.plugins.metric import Column
from bench.reporting.text import bounds, noun, number
from bench.stats.front import axes_of
from bench.stats.scene_means import common_pictures, scene_means
from bench.stats.summary import Estimate, MethodSummary, Summary

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's colours, which colour-blind readers can tell apart."""
SYMBOLS = (
    ("circle", "●", "○"),
    ("square", "■", "□"),
    ("diamond", "◆", "◇"),
    ("triangle-up", "▲", "△"),
    ("triangle-down", "▼", "▽"),
    ("star", "★", "☆"),
)
"""Plotly's name of a symbol, and the same as a letter, filled and open."""
INK, LINE = "#3c444d", "#d5dade"
LONGEST, SHORT = 22, 9
"""Letters of a method's name that fit beside its point, and those that fit between the point and the plot's edge."""
MOST_NAMED = 8
"""Of more methods the names would lie on each other: the key beside the plot names them."""


@dataclass(frozen=True)
class LegendEntry:
    """How a method is drawn; `glyph` and the point are filled on the Pareto front and open off it.

    `place` says in words where it is.
    """

    method: str
    short: str
    colour: str
    symbol: str
    glyph: str
    place: str
    on_front: bool


def plot_legend(summary: Summary) -> tuple[LegendEntry, ...]:
    """A colour and a symbol for every method; no two of the first 36 share both."""
    names = [method.method for method in summary.methods]
    return tuple(_key(index, method, names) for index, method in enumerate(summary.methods))


def pareto_figure(summary: Summary, table: pd.DataFrame, metrics: Sequence[Column]) -> str | None:
    """The plot as HTML with plotly.js inside, so that the page needs no network; None if it would be empty."""
    drawn = [
        (key, method) for key, method in zip(plot_legend(summary), summary.methods, strict=True) if is_point(method)
    ]
    if not drawn:
        return None
    figure = go.Figure(layout=_layout())
    scenes = _scene_means(table, metrics)
    for key, _ in drawn:
        figure.add_scatter(**_scene_points(key, scenes))
    figure.add_scatter(**_front([_point(method) for key, method in drawn if key.on_front]))
    mode = "markers+text" if len(drawn) <= MOST_NAMED else "markers"
    centre = [sum(ends) / len(drawn) for ends in zip(*(_point(method) for _, method in drawn), strict=True)]
    for key, method in drawn:
        figure.add_scatter(**_marker(key, method, centre), mode=mode)
    if len(drawn) == 1:
        figure.update_layout(**_around(drawn[0][1]))
    page: str = figure.to_html(full_html=False, include_plotlyjs=True, div_id="pareto", config=_config())
    return page


def plot_text(text: str) -> str:
    """A text as plotly shows it: it takes tags and entities for HTML, but does not know those of quotes."""
    return html.escape(text, quote=False)


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
    symbol, filled, hollow = SYMBOLS[(index + index // len(COLOURS)) % len(SYMBOLS)]
    return LegendEntry(
        method=method.method,
        short=_short(method.method, names),
        colour=COLOURS[index % len(COLOURS)],
        symbol=symbol if method.pareto else f"{symbol}-open",
        glyph=filled if method.pareto else hollow,
        place=_place(method),
        on_front=method.pareto,
    )


def _place(method: MethodSummary) -> str:
    if not is_point(method):
        return "not in the plot: it lacks a similarity"
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


def _scene_points(key: LegendEntry, scenes: pd.DataFrame) -> dict[str, Any]:
    """A method's scene means, faint."""
    own = scenes.loc[key.method]
    x, y = map(_name, PARETO_AXES)
    return {
        "x": own[PARETO_AXES[0]].tolist(),
        "y": own[PARETO_AXES[1]].tolist(),
        "mode": "markers",
        "marker": {"color": key.colour, "symbol": key.symbol, "size": 7, "opacity": 0.4},
        "text": [f"{plot_text(key.method)}<br>{plot_text(str(scene))}" for scene in own.index],
        "hovertemplate": f"%{{text}}<br>{x} %{{x:.3f}}<br>{y} %{{y:.3f}}<extra></extra>",
    }


def _front(points: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """The staircase below which lies what the methods on the front beat."""
    ordered = sorted(points)
    return {
        "x": [x for x, _ in ordered],
        "y": [y for _, y in ordered],
        "mode": "lines",
        "line": {"color": INK, "dash": "dot", "width": 1.5, "shape": "vh"},
        "hoverinfo": "skip",
    }


def _marker(key: LegendEntry, method: MethodSummary, centre: Sequence[float]) -> dict[str, Any]:
    (x, y), (across, up) = _point(method), _coordinates(method)
    vertical = "top" if y >= centre[1] else "bottom"
    outwards = len(key.short) <= SHORT
    horizontal = "right" if (x >= centre[0]) == outwards else "left"
    texts = ["%{customdata}", *(f"{_name(axis)} {_words(method.estimates[axis])}" for axis in PARETO_AXES)]
    return {
        "x": [x],
        "y": [y],
        "error_x": _bars(across, key.colour),
        "error_y": _bars(up, key.colour),
        "text": [f"<b>{plot_text(key.short)}</b>"],
        "customdata": [plot_text(method.method)],
        "textposition": f"{vertical} {horizontal}",
        "textfont": {"size": 14},
        "cliponaxis": False,
        "marker": {"color": key.colour, "symbol": key.symbol, "size": 15, "line": {"width": 2.5, "color": key.colour}},
        "hovertemplate": "<br>".join(texts) + "<extra></extra>",
    }


def _coordinates(method: MethodSummary) -> Iterator[Estimate]:
    return (method.estimates[axis] for axis in PARETO_AXES)


def _words(estimate: Estimate) -> str:
    return f"{number(estimate.mean)} {bounds(estimate.interval)}".strip()


def _bars(estimate: Estimate, colour: str) -> dict[str, Any]:
    if estimate.interval is None:
        return {"visible": False}
    above, below = estimate.interval.high - estimate.mean, estimate.mean - estimate.interval.low
    return {
        "type": "data",
        "symmetric": False,
        "array": [above],
        "arrayminus": [below],
        "color": colour,
        "thickness": 2,
        "width": 6,
    }


def _layout() -> dict[str, Any]:
    axis = {"gridcolor": LINE, "linecolor": LINE, "zeroline": False, "automargin": True, "nticks": 7}
    arrow = {"text": "better ↗", "xref": "paper", "yref": "paper", "x": 1, "y": 1, "showarrow": False}
    return {
        "xaxis": {**axis, "title": f"{noun(PARETO_AXES[0])} →"},
        "yaxis": {**axis, "title": f"{noun(PARETO_AXES[1])} →"},
        "annotations": [{**arrow, "xanchor": "right", "yanchor": "top", "font": {"size": 14}}],
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": INK, "size": 13, "family": "system-ui, sans-serif"},
        "margin": {"l": 58, "r": 22, "t": 30, "b": 52},
        "showlegend": False,
        "hovermode": "closest",
        "autosize": True,
    }


def _around(method: MethodSummary) -> dict[str, Any]:
    """Axes that are not absurdly wide where a single value is all there is to show."""
    axes = zip(("xaxis_range", "yaxis_range"), _coordinates(method), strict=True)
    return {axis: [point.mean - 0.1, point.mean + 0.1] for axis, point in axes if point.n_scenes == 1}


def _config() -> dict[str, Any]:
    return {
        "displaylogo": False,
        "responsive": True,
        "modeBarButtons": [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
        "toImageButtonOptions": {"format": "svg", "filename": "pareto"},
    }
