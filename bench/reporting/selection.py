"""What of a run a report tells: which methods, the one that others are compared with, and which metrics."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from bench.core.errors import UserError, did_you_mean
from bench.plugins.metric import Column
from bench.plugins.report import ReportData
from bench.reporting.text import listed
from bench.stats.front import axes_of
from bench.stats.scene_means import methods_of, numbers

DETECTION = "detection-rate"
"""Identity similarity rests on the concepts that are found, so this is told beside it."""
MOST_REASONS = 2
"""Reasons for missing values that are told, the most frequent first."""


def with_methods(data: ReportData, names: str) -> ReportData:
    """The run as if it had only the methods `names`, joined by +, in this order; all if `names` is empty.

    A method is named as the run calls it, or by its spec. A banner says which were left out. Raises `UserError` for a
    name that the run has not, naming the known ones.
    """
    if not names.strip():
        return data
    known = methods_of(data.table)
    chosen = list(dict.fromkeys(_known(name.strip(), data) for name in re.split(r"\+(?![^\[]*\])", names)))
    places = data.table["method"].map({name: place for place, name in enumerate(chosen)})
    rows = data.table[places.notna()]
    others = [name for name in known if name not in chosen]
    banner = f"By choice this report is about {listed(chosen)} alone; left out: {listed(others)}."
    return replace(
        data,
        table=rows.iloc[places.dropna().argsort(kind="stable")],
        methods={name: data.methods[name] for name in chosen if name in data.methods},
        seen_in_prior={name: templates for name, templates in data.seen_in_prior.items() if name in chosen},
        banners=(*data.banners, banner) if others else data.banners,
    )


def reference_of(data: ReportData, name: str) -> str:
    """The method that all others are compared with: `name`, else the first that is not a control, else the first.

    `name` may be a spec too. Raises `UserError` for a name that the run has not, naming the known ones.
    """
    known = methods_of(data.table)
    if name:
        return _known(name, data)
    return next((method for method in known if method not in data.controls), known[0])


def main_metrics(metrics: Sequence[Column]) -> tuple[Column, ...]:
    """The metrics told first: those that are axes of the front, or, where there is none of them, all."""
    return axes_of(metrics) or tuple(metrics)


def chosen_metrics(data: ReportData, labels: str) -> tuple[Column, ...]:
    """The metrics of these labels, joined by +, that have a value; a label may be cut short: `prompt+identity`.

    Without labels: those told first (`main_metrics`) and the detection rate. Raises `UserError` for a metric that the
    run does not compare, for a short label of several, and if none has a value.
    """
    known = {metric.label: metric for metric in data.metrics}
    asked = [_label(text.strip(), tuple(known)) for text in labels.split("+")] if labels.strip() else []
    default = (*main_metrics(data.metrics), *(known[label] for label in known if label == DETECTION))
    told = with_values(data.table, tuple(dict.fromkeys([known[label] for label in asked] or default)))
    if not told:
        names = " or ".join(asked) or "the metrics told by default"
        raise UserError(f"{data.run_folder}: no picture has a value of {names}; name other metrics")
    return told


def _label(text: str, known: Sequence[str]) -> str:
    """The label that `text` is, or is the only one to begin with."""
    found = [text] if text in known else [label for label in known if text and label.startswith(text)]
    if len(found) != 1:
        what = f"several metrics '{text}...'" if found else f"no metric '{text}'"
        raise UserError(f"the run compares {what}; it compares {', '.join(known)}")
    return found[0]


def with_values(table: pd.DataFrame, metrics: Sequence[Column]) -> tuple[Column, ...]:
    """The metrics of which some row of the table has a value."""
    return tuple(metric for metric in metrics if numbers(table[metric.name]).notna().any())


def left_out(table: pd.DataFrame, metrics: Sequence[Column]) -> str:
    """Which metrics have no value at all, and why, in one sentence; empty if all have one."""
    told = with_values(table, metrics)
    without = [f"{metric.label} ({_why(table, metric)})" for metric in metrics if metric not in told]
    return f"Left out of this page, as no picture has a value: {listed(without)}." if without else ""


def _why(table: pd.DataFrame, metric: Column) -> str:
    """The most frequent reasons for missing values."""
    given = table[metric.reason].fillna("").astype(str) if metric.reason in table else pd.Series(dtype=str)
    reasons = [" ".join(reason.split()) for reason in given[given != ""].value_counts().index]
    more = (
        [f"{len(reasons) - MOST_REASONS} other reasons"] if len(reasons) > MOST_REASONS + 1 else reasons[MOST_REASONS:]
    )
    return listed([*reasons[:MOST_REASONS], *more]) or "no reason was recorded"


def _known(name: str, data: ReportData) -> str:
    """What the run calls the method of that name or spec."""
    known = methods_of(data.table)
    if name not in known:
        name = next((called for called, spec in data.specs.items() if spec == name), name)
    if name not in known:
        hint = "; join methods by +" if "," in name else did_you_mean(name, known).rstrip(".?")
        raise UserError(f"the report's run has no scores of a method '{name}'{hint}; known: {', '.join(known)}")
    return name
