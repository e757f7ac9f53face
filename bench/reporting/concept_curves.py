"""The plot of metrics by the number of concepts in a prompt."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from bench.reporting.scatter import COLOURS, INK, LINE, SYMBOLS, plot_text
from bench.reporting.text import noun
from bench.stats.by_concepts import ConceptCountMean

_APART, _WIDEST = 0.05, 0.6
"""Between the points of two methods, in concepts, so that their intervals do not lie on each other; and of all, so
that each stays nearer to its own number than to the next."""


def concept_curves_figure(rows: Sequence[ConceptCountMean]) -> str:
    """A panel per metric as HTML with plotly.js inside: a line per method, with the intervals of its means."""
    metrics = list(dict.fromkeys(one.metric for one in rows))
    methods = list(dict.fromkeys(one.method for one in rows))
    figure = make_subplots(1, len(metrics), subplot_titles=[noun(metric) for metric in metrics])
    for column, metric in enumerate(metrics, 1):
        for index, method in enumerate(methods):
            chosen = [one for one in rows if (one.metric, one.method) == (metric, method)]
            shift = min(_APART, _WIDEST / len(methods)) * (index - (len(methods) - 1) / 2)
            figure.add_trace(_line(chosen, method, index, shift, named=column == 1), 1, column)
    axis = {"gridcolor": LINE, "linecolor": LINE, "zeroline": False, "automargin": True}
    figure.update_xaxes(**axis, title="concepts in the prompt", tickvals=sorted({one.concepts for one in rows}))
    figure.update_yaxes(**axis)
    figure.update_layout(
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": INK, "size": 13, "family": "system-ui, sans-serif"},
        margin={"l": 50, "r": 20, "t": 40, "b": 52},
        legend={"orientation": "h", "y": -0.2, "yanchor": "top"},
    )
    config = {"displaylogo": False, "responsive": True}
    page: str = figure.to_html(full_html=False, include_plotlyjs=True, div_id="curves", config=config)
    return page


def _line(rows: Sequence[ConceptCountMean], method: str, index: int, shift: float, named: bool) -> go.Scatter:
    above = [one.interval.high - one.value if one.interval else 0 for one in rows]
    below = [one.value - one.interval.low if one.interval else 0 for one in rows]
    colour = COLOURS[index % len(COLOURS)]
    return go.Scatter(
        x=[one.concepts + shift for one in rows],
        y=[one.value for one in rows],
        error_y={"type": "data", "symmetric": False, "array": above, "arrayminus": below, "thickness": 1.2},
        name=plot_text(method),
        legendgroup=method,
        showlegend=named,
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"symbol": SYMBOLS[index // len(COLOURS) % len(SYMBOLS)][0], "size": 8},
    )
