import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.plugins.metric import Column
from bench.scoring.presets import PRESETS, find_preset
from bench.scoring.selection import compared_columns, standard_metrics
from bench.stats.summary import Estimate, summarise

METRICS = compared_columns(standard_metrics(), find_preset("paper"))


def metrics_of(preset: str) -> tuple[Column, ...]:
    """The compared columns under a preset; of an unknown one they have no range."""
    if preset in PRESETS:
        return compared_columns(standard_metrics(), PRESETS[preset])
    return tuple(replace(column, range=(-math.inf, math.inf)) for column in METRICS)


Drawn = Callable[[int, int], pd.DataFrame]


def test_means_over_scenes_by_hand(hand: pd.DataFrame) -> None:
    a, b = summarise(hand, METRICS).methods
    assert (a.method, b.method) == ("a", "b")
    assert a.estimates["prompt-similarity"].mean == pytest.approx((0.3 + 0.1) / 2)
    assert a.estimates["identity-similarity"].mean == pytest.approx((0.6 + 0.8) / 2)
    assert b.estimates["identity-similarity"].mean == pytest.approx(0.4)
    assert (b.estimates["identity-similarity"].n_scenes, b.estimates["identity-similarity"].n_pictures) == (
        1,
        1,
    )
    assert a.estimates["detection-rate"].mean == pytest.approx((3 / 4 + 1) / 2)
    assert (a.n_scenes, a.n_pictures) == (2, 4)
    assert a.estimates["prompt-similarity"].interval is None


def test_costs_are_means_over_units_and_pictures(hand: pd.DataFrame) -> None:
    a, _ = summarise(hand, METRICS).methods
    assert a.costs["cost_fit_seconds"] == 15
    assert a.costs["cost_generate_seconds"] == 1


def test_pareto_flags(hand: pd.DataFrame) -> None:
    # b is better in prompt similarity, a in identity similarity.
    assert [summary.pareto for summary in summarise(hand, METRICS).methods] == [True, True]
    worse = hand.assign(prompt_similarity=hand["prompt_similarity"].where(hand["method"] == "a", 0.0))
    assert [summary.pareto for summary in summarise(worse, METRICS).methods] == [True, False]


def test_a_control_is_not_on_the_front_and_keeps_no_method_off_it(hand: pd.DataFrame) -> None:
    real = hand[hand["method"] == "a"].assign(method="real", prompt_similarity=0.9, identity_similarity=0.9)
    table = pd.concat([real, hand], ignore_index=True)
    assert [each.pareto for each in summarise(table, METRICS).methods] == [True, False, False]
    found = summarise(table, METRICS, ("real", "not-run")).methods
    assert [(each.method, each.pareto, each.control) for each in found] == [
        ("real", False, True),
        ("a", True, False),
        ("b", True, False),
    ]
    alone = summarise(table, METRICS, ("real", "a", "b"))
    assert not any(each.pareto for each in alone.methods)


def test_a_method_without_identity_is_not_on_the_front(hand: pd.DataFrame) -> None:
    blind = hand.assign(identity_similarity=hand["identity_similarity"].where(hand["method"] == "a"))
    a, b = summarise(blind, METRICS).methods
    assert (a.pareto, b.pareto) == (True, False)
    assert math.isnan(b.estimates["identity-similarity"].mean)


def test_intervals_and_the_csv(drawn: Drawn) -> None:
    table = drawn(6, 2)
    table = table.assign(detected=[index % 7 > 0 for index in range(len(table))])
    frame = summarise(table, METRICS).frame()
    assert list(frame["method"]) == ["m0", "m1"]
    assert set(frame["prompt_similarity_interval"]) == {"95% Student t"}
    assert (frame["prompt_similarity_low"] < frame["prompt_similarity"]).all()
    assert (frame["prompt_similarity"] < frame["prompt_similarity_high"]).all()
    assert (frame["detection_rate_high"] <= 1).all()
    assert list(frame["prompt_similarity_n_scenes"]) == [6, 6]
    assert set(summarise(drawn(2, 2), METRICS).frame()["prompt_similarity_interval"]) == {"none"}


def test_thirty_scenes_are_bootstrapped(drawn: Drawn) -> None:
    estimate = summarise(drawn(30, 1), METRICS).methods[0].estimates["prompt-similarity"]
    assert estimate.interval is not None
    assert estimate.interval.method == "BCa bootstrap"
    assert estimate.interval == summarise(drawn(30, 1), METRICS).methods[0].estimates["prompt-similarity"].interval


def test_methods_are_summarised_on_what_all_have(hand: pd.DataFrame) -> None:
    partial = hand[~((hand["method"] == "b") & (hand["scene"] == "s1"))]
    summary = summarise(partial, METRICS)
    assert summary.methods[0].estimates["prompt-similarity"].mean == pytest.approx(0.3)
    assert (summary.n_scenes, summary.n_pictures) == (1, 2)
    assert summary.notes == ("a: 2 of 4 pictures left out, which not every method has",)


def test_methods_that_share_nothing_are_not_compared(hand: pd.DataFrame) -> None:
    apart = hand[(hand["method"] == "a") == (hand["scene"] == "s0")]
    summary = summarise(apart, METRICS)
    assert [each.pareto for each in summary.methods] == [False, False]
    assert summary.methods[1].estimates["prompt-similarity"].mean == pytest.approx(0.2)
    assert "share no picture" in summary.notes[0]


def test_an_empty_table_has_an_empty_summary(hand: pd.DataFrame) -> None:
    summary = summarise(hand.iloc[:0], METRICS)
    assert summary.methods == ()
    assert summary.frame().empty


def test_cost_columns_do_not_change_the_scores(hand: pd.DataFrame) -> None:
    slower = hand.assign(cost_fit_seconds=np.arange(len(hand)), cost_generate_seconds=0.5)
    one, other = (
        summarise(table, METRICS).frame().filter(regex="similarity|detection|pareto") for table in (hand, slower)
    )
    pd.testing.assert_frame_equal(one, other)


def test_an_interval_keeps_to_the_values_that_its_preset_can_have(drawn: Drawn) -> None:
    def estimated(table: pd.DataFrame, preset: str) -> Estimate:
        return summarise(table, metrics_of(preset)).methods[0].estimates["prompt-similarity"]

    table = drawn(6, 1)
    table["prompt_similarity"] = 30.0
    estimate = estimated(table, "dreambench++")
    assert estimate.interval is not None
    assert (estimate.interval.low, estimate.interval.high) == pytest.approx((30.0, 30.0))

    spread = table.assign(prompt_similarity=0.0)
    spread.loc[spread["scene"] == spread["scene"].iloc[0], "prompt_similarity"] = 2.5
    floored = estimated(spread, "custom-diffusion").interval
    open_ended = estimated(spread, "own").interval
    assert floored is not None
    assert open_ended is not None
    assert open_ended.low < 0 == floored.low
    assert 1 < floored.high == open_ended.high < 2.5
