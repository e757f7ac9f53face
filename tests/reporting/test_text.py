"""Numbers in words."""

from __future__ import annotations

import math

import pytest

from bench.reporting.text import (
    bounds,
    chance,
    interval_methods,
    listed,
    noun,
    number,
    scenes_needed,
    seconds,
    signed,
    small,
)
from bench.stats.intervals import Interval
from bench.stats.power import SampleSize


def interval(low: float, high: float, n: int = 6) -> Interval:
    return Interval(low, high, 0.95, "Student t", n)


def test_numbers() -> None:
    assert [number(0.4116), number(-0.02), number(0.0), number(math.nan), number(None)] == [
        "0.412",
        "−0.020",
        "0.000",
        "–",
        "–",
    ]
    assert [signed(0.02), signed(-0.02), signed(math.nan)] == ["+0.020", "−0.020", "–"]
    assert bounds(interval(-0.1, 0.25)) == "[−0.100, 0.250]"
    assert bounds(None) == ""
    assert [seconds(x) for x in (0.214, 12.34, 300.0, math.nan)] == ["0.21 s", "12.3 s", "5.0 min", "–"]
    assert [listed([]), listed(["a"]), listed(["a", "b", "c"])] == ["", "a", "a, b and c"]


def test_methods_of_intervals_are_named_once() -> None:
    assert interval_methods([interval(0, 1), None, interval(2, 3)]) == "Student t"
    assert (
        interval_methods([interval(0, 1), Interval(0, 1, 0.95, "BCa bootstrap", 40)]) == "BCa bootstrap and Student t"
    )
    assert interval_methods([None]) == ""
    assert noun("identity-similarity") == "identity similarity"


def test_probabilities_are_never_rounded_to_certainty() -> None:
    assert [chance(value) for value in (0.5, 0.934, 0.9999, 1.0, 0.0001)] == [
        "50 %",
        "93.4 %",
        "> 99.9 %",
        "> 99.9 %",
        "< 0.1 %",
    ]
    assert [small(0.00361), small(math.nan)] == ["0.0036", "–"]


@pytest.mark.parametrize(
    ("n", "spread", "scenes", "expected"),
    [
        (6, 0.1, 17, "17"),
        (6, 0.1, None, "more than 1,000"),
        (3, math.nan, None, "unknown below 4 scenes"),
        (6, 0.0, None, "unknown: the methods differ equally on every scene"),
    ],
)
def test_what_a_difference_needs(n: int, spread: float, scenes: int | None, expected: str) -> None:
    assert scenes_needed(SampleSize("m", "a", "b", n, spread, 0.05, 0.02, scenes, 0.1)) == expected
