"""The plot of metrics by the number of concepts in a prompt."""

from __future__ import annotations

from collections.abc import Sequence

from bench.reporting.curves import CurvePanel, CurveValue, curve_panel
from bench.reporting.text import noun
from bench.stats.by_concepts import ConceptCountMean

_APART, _WIDEST = 0.05, 0.6
"""Between the points of two methods, in concepts, so that their intervals do not lie on each other; and of all, so
that each stays nearer to its own number than to the next."""


def concept_curves_figure(rows: Sequence[ConceptCountMean]) -> tuple[CurvePanel, ...]:
    """A panel per metric: a line per method, with the intervals of its means."""
    methods = list(dict.fromkeys(one.method for one in rows))
    shift = min(_APART, _WIDEST / len(methods)) if methods else _APART
    panels = []
    for metric in dict.fromkeys(one.metric for one in rows):
        lines = {
            method: [
                CurveValue(one.concepts, one.value, one.interval)
                for one in rows
                if (one.metric, one.method) == (metric, method)
            ]
            for method in methods
        }
        panels.append(curve_panel(noun(metric), "concepts in the prompt", "", lines, shift))
    return tuple(panels)
