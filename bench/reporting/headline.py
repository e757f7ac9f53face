"""What the numbers say, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.core.defaults import PARETO_AXES
from bench.core.text import count
from bench.plugins.metric import Column
from bench.reporting.selection import DETECTION, main_metrics
from bench.reporting.text import bounds, is_clear, listed, noun, number, signed
from bench.stats.front import axes_of
from bench.stats.intervals import FEWEST
from bench.stats.results import Comparison, Pair
from bench.stats.summary import MethodSummary, Summary

SIGNIFICANT = 0.05
MOST_NUMBERS = 3
"""Differences of a metric that the headline gives in numbers; of more it gives the names."""


def headline(
    summary: Summary, comparisons: Sequence[Comparison], metrics: Sequence[Column], reference: str
) -> Iterator[str]:
    """What the numbers say, in sentences: the front, then the method `reference` against every other, paired by scene.

    Of the metrics the axes of the front are told, or, where a run has none of them, all.
    """
    yield from _front(summary.methods, metrics)
    pairs = {comparison.metric: comparison.pairs for comparison in comparisons if comparison.unit == "scenes"}
    if len(summary.methods) > 1 and summary.n_scenes < FEWEST and not any(map(_intervals, pairs.values())):
        scenes = count(summary.n_scenes, "common scene")
        yield f"No difference is claimed: with {scenes} there are no intervals and no tests (from {FEWEST} on)."
    main = main_metrics(metrics)
    for metric in (*main, *(metric for metric in metrics if metric.label == DETECTION and metric not in main)):
        told = [pair.seen_from(reference) for pair in _intervals(pairs[metric.label]) if reference in pair.methods]
        if metric.label == DETECTION:  # told only where methods seem to differ in it
            told = [pair for pair in told if is_clear(pair)]
        if told:
            yield _finding(metric, told, summary.n_scenes)


def verdict(pair: Pair, higher_is_better: bool = True) -> str:
    """How the first method stands to the second.

    `is` where interval and p value agree, `seems` where only the interval leaves out zero.
    """
    if not is_clear(pair):
        return "cannot be told apart from"
    sure = "is" if pair.p is not None and pair.p < SIGNIFICANT else "seems"
    return f"{sure} ahead of" if (pair.effect > 0) == higher_is_better else f"{sure} behind"


def _intervals(pairs: Sequence[Pair]) -> list[Pair]:
    return [pair for pair in pairs if pair.interval]


def _front(methods: Sequence[MethodSummary], metrics: Sequence[Column]) -> Iterator[str]:
    competing = [method for method in methods if not method.control]
    front = [method.method for method in competing if method.pareto]
    if len(methods) == 1:
        estimates = methods[0].estimates
        means = [f"{noun(metric.label)} {number(estimates[metric.label].mean)}" for metric in main_metrics(metrics)]
        yield f"{methods[0].method} alone: {listed(means)}."
    elif front and len(competing) > 1:
        yield f"By the means, {listed(front)} {'alone is' if len(front) == 1 else 'are'} on the Pareto front."
    axes = axes_of(metrics)
    for axis in axes if len(axes) == len(PARETO_AXES) else ():
        if none := [method.method for method in competing if method.estimates[axis.label].n_scenes == 0]:
            yield f"{listed(none)}: no {noun(axis.label)} at all, so no place on the front."


def _finding(metric: Column, pairs: Sequence[Pair], n_scenes: int) -> str:
    """One metric, the reference against all others, by verdict; says so where a pair rests on other scenes."""
    groups: dict[str, list[str]] = {}
    for pair in pairs:
        p = pair.p_text if pair.p is None else f"p = {pair.p_text}"
        amount = f" ({signed(pair.effect)} {bounds(pair.interval, show_sign=True)}, {p}{_scope(pair.n, n_scenes)})"
        phrase = verdict(pair, metric.higher_is_better)
        groups.setdefault(phrase, []).append(pair.second + (amount if len(pairs) <= MOST_NUMBERS else ""))
    told = "; ".join(f"{phrase} {listed(names)}" for phrase, names in groups.items())
    return f"{noun(metric.label).capitalize()}: {pairs[0].first} {told}."


def _scope(n: int, n_scenes: int) -> str:
    if n == n_scenes:
        return ""
    return f", {count(n, 'scene')}{' only' if n < n_scenes else ''}"
