"""The Pareto scatter."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from bench.reporting.scatter import describe_plot, pareto_figure, plot_legend, why_no_plot
from bench.scoring.presets import find_preset
from bench.scoring.selection import compared_columns, standard_metrics
from bench.stats.intervals import Interval
from bench.stats.summary import Estimate, MethodSummary, Summary

METRICS = compared_columns(standard_metrics(), find_preset("paper"))


def method(name: str, prompt: float = 0.3, identity: float = 0.6, front: bool = True) -> MethodSummary:
    estimates = {
        "prompt-similarity": Estimate(prompt, Interval(prompt - 0.1, prompt + 0.1, 0.95, "Student t", 6), 6, 6),
        "identity-similarity": Estimate(identity, None, 6, 6),
        "detection-rate": Estimate(0.5, None, 6, 6),
    }
    return MethodSummary(name, estimates, 6, 6, {}, front)


def summary(*methods: MethodSummary) -> Summary:
    return Summary(methods, 6, 6, ())


def test_no_two_methods_look_the_same() -> None:
    drawn = plot_legend(summary(*(method(f"m{index}") for index in range(36))))
    assert len({(key.colour, key.symbol) for key in drawn}) == 36


def test_the_front_is_filled_and_the_rest_is_open() -> None:
    first, second, third = plot_legend(
        summary(method("a"), method("b", front=False), method("c", math.nan, front=False))
    )
    assert (first.symbol, first.place) == ("circle", "on the Pareto front")
    assert (second.symbol, second.place) == ("square-open", "not on the front")
    assert third.place.startswith("not in the plot")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("ours[steps=3]", "ti-m"), ["ours", "ti-m"]),
        (("ours[steps=3]", "ours"), ["ours[steps=3]", "ours"]),
        (("ours", "ours[phase1_steps=10,phase2_steps=10]"), ["ours", "ours[phase1_steps=10,…"]),
    ],
)
def test_points_have_short_names_that_tell_them_apart(names: tuple[str, ...], expected: list[str]) -> None:
    shorts = [key.short for key in plot_legend(summary(*map(method, names)))]
    assert [short[:22] for short in shorts] == [text[:22] for text in expected]
    assert len(set(shorts)) == len(names)


def test_the_plot_is_told_in_words() -> None:
    words = describe_plot(summary(method("ours"), method("ti-m", identity=math.nan)))
    assert "ours: prompt 0.300 [0.200, 0.400], identity 0.600" in words
    assert "ti-m: prompt 0.300 [0.200, 0.400], identity –" in words


def test_nothing_to_plot_is_no_plot() -> None:
    assert pareto_figure(summary(method("ours", identity=math.nan)), pd.DataFrame(), METRICS) is None
    assert (
        why_no_plot(METRICS)
        == "There is nothing to plot: no method has both prompt similarity and identity similarity."
    )


def test_without_an_axis_there_is_no_plot_and_a_sentence_says_which() -> None:
    told = why_no_plot([metric for metric in METRICS if metric.label != "identity-similarity"])
    assert told == "There is no plot: the run's metrics have no identity similarity."
    without = MethodSummary("ours", {"prompt-similarity": Estimate(0.3, None, 6, 6)}, 6, 6, {}, False)
    assert pareto_figure(summary(without), pd.DataFrame(), METRICS[:1]) is None
    assert plot_legend(summary(without))[0].place.startswith("not in the plot")
