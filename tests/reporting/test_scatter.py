"""The Pareto scatter."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest

from bench.core.table import COLUMNS
from bench.reporting.scatter import ScatterPlot, describe_plot, pareto_figure, plot_legend, why_no_plot
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


def test_the_legend_says_that_a_control_does_not_compete() -> None:
    (key,) = plot_legend(summary(replace(method("real", front=False), control=True)))
    assert (key.symbol, key.on_front, key.place) == ("circle-open", False, "a control")


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


def drawn(*methods: MethodSummary) -> tuple[ScatterPlot, ScatterPlot]:
    """Both plots of methods with two scenes each, 0.05 below and above the mean in both similarities."""
    rows = [
        {
            **dict.fromkeys(COLUMNS, ""), "method": one.method, "scene": scene, "seed": 0, "sample": 0,
            "prompt_similarity": one.estimates["prompt-similarity"].mean + shift,
            "identity_similarity": one.estimates["identity-similarity"].mean + shift,
        }
        for one in methods
        for scene, shift in (("a", -0.05), ("b", 0.05))
    ]  # fmt: skip
    wide, narrow = pareto_figure(summary(*methods), pd.DataFrame(rows), METRICS[:2])
    return wide, narrow


def test_points_bars_and_scenes_lie_where_the_axes_say() -> None:
    for plot in drawn(method("low", 0.2, 0.5, front=False), method("high", 0.3, 0.7)):
        low, high = plot.series
        assert low.x < high.x
        assert low.y > high.y, "upwards is better"
        ((left, top, right, bottom),) = high.bars  # only prompt similarity has an interval
        assert (top, bottom) == (high.y, high.y)
        assert high.x - left == pytest.approx(right - high.x) == pytest.approx(high.x - low.x)
        first, second = high.scenes
        assert (first.x + second.x) / 2 == pytest.approx(high.x)
        assert second.told == "high\nb\nprompt 0.350\nidentity 0.750"
        inside = [(point.x, point.y) for one in plot.series for point in one.scenes]
        assert all(plot.area.left <= x <= plot.area.right and plot.area.low <= y <= plot.area.high for x, y in inside)


def test_names_stand_in_the_wide_plot_and_touch_nothing() -> None:
    wide, narrow = drawn(*(method(f"a-long-name-{index}", 0.3 + index / 1e4, 0.6) for index in range(12)))
    boxes = [one.label for one in wide.series]
    assert all(one.label is None for one in narrow.series)
    for index, box in enumerate(boxes):
        assert box is not None
        assert box.within(wide.area)
        assert not any(box.touches(other) for other in boxes[:index] if other)


def test_the_front_is_a_staircase_through_the_methods_on_it() -> None:
    wide, _ = drawn(method("a", 0.2, 0.8), method("b", 0.3, 0.6), method("c", 0.2, 0.5, front=False))
    a, b, _ = wide.series
    assert wide.front == f"M{a.x:.1f} {a.y:.1f}V{b.y:.1f}H{b.x:.1f}"


def test_a_single_value_does_not_fill_the_axis() -> None:
    wide, _ = drawn(method("a"))
    assert len(wide.x_ticks) > 2


def test_nothing_to_plot_is_no_plot() -> None:
    assert pareto_figure(summary(method("ours", identity=math.nan)), pd.DataFrame(), METRICS) == ()
    assert (
        why_no_plot(METRICS)
        == "There is nothing to plot: no method has both prompt similarity and identity similarity."
    )


def test_without_an_axis_there_is_no_plot_and_a_sentence_says_which() -> None:
    told = why_no_plot([metric for metric in METRICS if metric.label != "identity-similarity"])
    assert told == "There is no plot: the run's metrics have no identity similarity."
    without = MethodSummary("ours", {"prompt-similarity": Estimate(0.3, None, 6, 6)}, 6, 6, {}, False)
    assert pareto_figure(summary(without), pd.DataFrame(), METRICS[:1]) == ()
    assert plot_legend(summary(without))[0].place.startswith("not in the plot")
