"""Readings of identity similarity: what policies and other settings do to means, ranks and orders."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.scoring.presets import find_preset
from bench.scoring.selection import compared_columns, standard_metrics
from bench.stats.scene_means import methods_of
from bench.stats.sensitivity import LEFT_OUT, WHOLE_PICTURE, ZERO, ProtocolVariant, sensitivity, sensitivity_frame
from bench.stats.summary import summarise

METRICS = compared_columns(standard_metrics(), find_preset("paper"))

NAN = math.nan


@pytest.fixture
def table(hand: pd.DataFrame) -> pd.DataFrame:
    return hand.assign(identity_whole_picture=0.1)


def means(variant: ProtocolVariant) -> dict[str, float]:
    return {ranked.method: ranked.mean for ranked in variant.methods}


def by_name(table: pd.DataFrame) -> dict[str, ProtocolVariant]:
    return {variant.name: variant for variant in sensitivity(table, METRICS)}


def test_the_first_reading_is_what_is_reported(table: pd.DataFrame) -> None:
    first = sensitivity(table, METRICS)[0]
    reported = {
        method.method: method.estimates["identity-similarity"].mean for method in summarise(table, METRICS).methods
    }
    assert first.name == LEFT_OUT
    assert means(first) == pytest.approx(reported)
    assert first.tau == 1
    assert first.rank_flips == ()


def test_a_missing_object_is_left_out_or_zero_or_the_whole_picture(table: pd.DataFrame) -> None:
    """a: s0 (.7, .5), s1 (.9, .7); counting 0, s0 (.7, .25); unknown stays out. b: .4; (.2, 0), 0."""
    variants = by_name(table)
    assert means(variants[LEFT_OUT]) == pytest.approx({"a": (0.6 + 0.8) / 2, "b": 0.4})
    assert means(variants[ZERO]) == pytest.approx({"a": (0.475 + 0.8) / 2, "b": (0.1 + 0.0) / 2})
    whole = {"a": ((0.7 + 0.3) / 2 + 0.8) / 2, "b": ((0.25 + 0.1) / 2 + 0.1) / 2}
    assert means(variants[WHOLE_PICTURE]) == pytest.approx(whole)


def test_an_unknown_class_has_no_value_under_any_policy(hand: pd.DataFrame) -> None:
    unknown = hand.assign(detected=None, identity_similarity=NAN, identity_whole_picture=0.5)
    for variant in sensitivity(unknown, METRICS):
        assert all(math.isnan(mean) for mean in means(variant).values())
        assert variant.tau is None
        assert variant.rank_flips == ()


def scenes(values: dict[str, list[float]], other: dict[str, list[float]]) -> pd.DataFrame:
    """One picture of one concept a scene: its identity similarity, and by another fill."""
    rows = [
        {
            "method": method, "scene": f"s{number}", "seed": 0, "template": "t", "subset": "0", "sample": 0,
            "identity_similarity": value, "identity[fill=grey]": other[method][number], "detected": True,
            "identity_whole_picture": value, "prompt_similarity": 0.3, "lpips_diversity": NAN, "background_copy": NAN,
        }
        for method, own in values.items()
        for number, value in enumerate(own)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_an_order_that_turns_is_named_with_its_weight() -> None:
    values = {"a": [0.8, 0.82, 0.81, 0.83], "b": [0.5, 0.52, 0.53, 0.51], "c": [0.3, 0.9, 0.2, 0.62]}
    grey = {"a": [0.5, 0.51, 0.52, 0.5], "b": [0.6, 0.62, 0.61, 0.6], "c": [0.1, 0.1, 0.2, 0.1]}
    variant = by_name(scenes(values, grey))["fill=grey"]
    assert [ranked.rank for ranked in variant.methods] == [2, 1, 3]
    (flip,) = variant.rank_flips
    assert (flip.first, flip.second) == ("b", "a")
    assert flip.clear_before
    assert flip.clear_now
    expected = stats.kendalltau([3, 2, 1], [2, 3, 1]).statistic
    assert variant.tau == pytest.approx(expected)
    frame = sensitivity_frame(sensitivity(scenes(values, grey), METRICS)).set_index(["variant", "method"])
    assert frame.loc[("fill=grey", "b"), "passes"] == "a"
    assert frame.loc[("fill=grey", "a"), "passes"] == ""


def test_a_turn_within_noise_is_not_clear() -> None:
    values = {"a": [0.5, 0.7, 0.4, 0.62], "b": [0.6, 0.5, 0.52, 0.58]}
    grey = {"a": [0.5, 0.6, 0.4, 0.62], "b": [0.6, 0.5, 0.52, 0.58]}
    (flip,) = by_name(scenes(values, grey))["fill=grey"].rank_flips
    assert not flip.clear_before
    assert not flip.clear_now


def test_the_order_of_methods_in_the_table_does_not_matter(table: pd.DataFrame) -> None:
    flipped = table.iloc[::-1]
    assert methods_of(flipped) == methods_of(table)[::-1]
    for one, other in zip(sensitivity(table, METRICS), sensitivity(flipped, METRICS), strict=True):
        assert means(one) == pytest.approx(means(other))
        assert one.tau == pytest.approx(other.tau)
        assert np.isclose(one.methods[0].rank, other.methods[-1].rank)


MAYBE_FOUND = st.lists(st.none() | st.floats(0, 1), min_size=8, max_size=8)


@settings(max_examples=20, deadline=None)
@given(MAYBE_FOUND, MAYBE_FOUND)
def test_counting_a_miss_as_zero_never_helps_a_cosine_above_zero(
    first: list[float | None], second: list[float | None]
) -> None:
    values = {name: [NAN if v is None else v for v in drawn] for name, drawn in (("a", first), ("b", second))}
    table = scenes(values, values)
    table["detected"] = table["identity_similarity"].notna()
    variants = by_name(table.assign(identity_whole_picture=0.0))
    for method, mean in means(variants[ZERO]).items():
        reported = means(variants[LEFT_OUT])[method]
        assert math.isnan(reported) or mean <= reported + 1e-12
    assert means(variants[ZERO]) == means(variants[WHOLE_PICTURE]), "a whole picture without likeness counts 0"
    for variant in variants.values():
        ranks = [ranked.rank for ranked in variant.methods if not math.isnan(ranked.mean)]
        assert sum(ranks) == len(ranks) * (len(ranks) + 1) / 2
    assert not variants["fill=grey"].rank_flips, "the same values are in the same order"


def test_a_shift_is_paired_by_scene(table: pd.DataFrame) -> None:
    """Of a method, what it moves by on the scenes that have a value under both; the reported reading moves by none."""
    whole = {"a": ((0.7 + 0.3) / 2 + 0.8) / 2 - 0.7, "b": (0.25 + 0.1) / 2 - 0.4}
    variants = by_name(table)
    assert {one.method: one.shift for one in variants[WHOLE_PICTURE].methods} == pytest.approx(whole)
    assert {one.shift for one in variants[LEFT_OUT].methods} == {0}


def test_the_interval_of_a_shift_is_students_of_the_differences() -> None:
    values = {"a": [0.1, 0.4, 0.5, 0.9], "b": [0.2, 0.2, 0.2, 0.2]}
    grey = {"a": [0.2, 0.6, 0.6, 0.8], "b": [0.3, 0.3, 0.3, 0.3]}
    ranked = by_name(scenes(values, grey))["fill=grey"].methods[0]
    moved = [0.1, 0.2, 0.1, -0.1]
    low, high = stats.t.interval(0.95, 3, loc=np.mean(moved), scale=stats.sem(moved))
    assert ranked.shift == pytest.approx(0.075)
    assert ranked.shift_interval is not None
    assert (ranked.shift_interval.low, ranked.shift_interval.high) == pytest.approx((low, high))
