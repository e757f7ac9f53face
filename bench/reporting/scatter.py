"""The Pareto scatter: prompt similarity by identity similarity, a point and two intervals a method."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from bench.reporting.text import bounds, number
from bench.scoring.catalogue import IDENTITY_SIMILARITY, PROMPT_SIMILARITY
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


def legend(summary: Summary) -> tuple[LegendEntry, ...]:
    """A colour and a symbol for every method; no two of the first 36 share both."""
    names = [method.method for method in summary.methods]
    return tuple(_key(index, method, names) for index, method in enumerate(summary.methods))


def pareto_figure(summary: Summary, table: pd.DataFrame) -> str | None:
    """The plot as HTML with plotly.js inside, so that the page needs no network; None if it would be empty."""
    drawn = [(key, method) for key, method in zip(legend(summary), summary.methods, strict=True) if is_point(method)]
    if not drawn:
        return None
    figure = go.Figure(layout=_layout())
    for key, _ in drawn:
        figure.add_scatter(**_scene_points(key, table))
    figure.add_scatter(**_front([_point(method) for key, method in drawn if key.on_front]))
    mode = "markers+text" if len(drawn) <= MOST_NAMED else "markers"
    centre = [sum(ends) / len(drawn) for ends in zip(*(_point(method) for _, method in drawn), strict=True)]
    for key, method in drawn:
        figure.add_scatter(**_marker(key, method, centre), mode=mode)
    if len(drawn) == 1:
        figure.update_layout(**_around(drawn[0][1]))
    page: str = figure.to_html(full_html=False, include_plotlyjs=True, div_id="pareto", config=_config())
    return page


def describe(summary: Summary) -> str:
    """The plot in words, for who cannot see it."""
    points = (
        f"{method.method}: prompt {_words(method.estimates[PROMPT_SIMILARITY.name])}, "
        f"identity {_words(method.estimates[IDENTITY_SIMILARITY.name])}"
        for method in summary.methods
    )
    return "Scatter plot of prompt similarity against identity similarity. " + "; ".join(points)


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
    return method.estimates[PROMPT_SIMILARITY.name].mean, method.estimates[IDENTITY_SIMILARITY.name].mean


def is_point(method: MethodSummary) -> bool:
    """Whether a method has both coordinates."""
    return not any(math.isnan(value) for value in _point(method))


def _scene_points(key: LegendEntry, table: pd.DataFrame) -> dict[str, Any]:
    """The scene means that a method's point is the mean of, faint."""
    shared = common_pictures(table)
    means = scene_means(table if shared.empty else shared)
    wide = means[means["method"] == key.method].pivot(index="scene", columns="metric", values="mean")
    return {
        "x": wide[PROMPT_SIMILARITY.name].tolist(),
        "y": wide[IDENTITY_SIMILARITY.name].tolist(),
        "mode": "markers",
        "marker": {"color": key.colour, "symbol": key.symbol, "size": 7, "opacity": 0.4},
        "text": [f"{html.escape(key.method)}<br>{html.escape(str(scene))}" for scene in wide.index],
        "hovertemplate": "%{text}<br>prompt %{x:.3f}<br>identity %{y:.3f}<extra></extra>",
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
    (x, y), (prompt, identity) = _point(method), _coordinates(method)
    vertical = "top" if y >= centre[1] else "bottom"
    outwards = len(key.short) <= SHORT
    horizontal = "right" if (x >= centre[0]) == outwards else "left"
    texts = (html.escape(method.method), f"prompt {_words(prompt)}", f"identity {_words(identity)}")
    return {
        "x": [x],
        "y": [y],
        "error_x": _bars(prompt, key.colour),
        "error_y": _bars(identity, key.colour),
        "text": [f"<b>{html.escape(key.short)}</b>"],
        "textposition": f"{vertical} {horizontal}",
        "textfont": {"size": 14},
        "cliponaxis": False,
        "marker": {"color": key.colour, "symbol": key.symbol, "size": 15, "line": {"width": 2.5, "color": key.colour}},
        "hovertemplate": "<br>".join(texts) + "<extra></extra>",
    }


def _coordinates(method: MethodSummary) -> Iterator[Estimate]:
    return (method.estimates[metric.name] for metric in (PROMPT_SIMILARITY, IDENTITY_SIMILARITY))


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
        "xaxis": {**axis, "title": "prompt similarity →"},
        "yaxis": {**axis, "title": "identity similarity →"},
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
