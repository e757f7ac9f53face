"""Numbers and findings in words."""

from __future__ import annotations

import math

import pytest

from bench.reporting.text import (
    bounds,
    chance,
    count,
    headline,
    interval_rule,
    listed,
    number,
    scenes_needed,
    seconds,
    signed,
    small,
    verdict,
)
from bench.stats.intervals import Interval
from bench.stats.power import SampleSize
from bench.stats.results import Comparison, Overall, Pair
from bench.stats.summary import Estimate, MethodSummary, Summary


def interval(low: float, high: float, n: int = 6) -> Interval:
    return Interval(low, high, 0.95, "Student t", n)


def pair(effect: float, ends: tuple[float, float] | None, p: float | None = 0.03, second: str = "ti-m") -> Pair:
    return Pair("ours", second, "Wilcoxon signed-rank", "scenes", 6, effect, ends and interval(*ends), p)


def summarised(method: str, front: bool, identity: float = 0.6, n: int = 6) -> MethodSummary:
    missing = math.isnan(identity)
    estimates = {
        "prompt-similarity": Estimate(0.3, None, n, n),
        "identity-similarity": Estimate(identity, None, 0 if missing else n, 0 if missing else n),
        "detection-rate": Estimate(0.5, None, n, n),
    }
    return MethodSummary(method, estimates, n, n, {}, front)


def compared(**pairs: list[Pair]) -> list[Comparison]:
    names = ("prompt-similarity", "identity-similarity", "detection-rate")
    overall = Overall("Friedman", "scenes", 6, None, None, "none")
    return [Comparison(name, "scenes", (), 6, 6, overall, tuple(pairs.get(name.split("-")[0], []))) for name in names]


def told(summaries: list[MethodSummary], n_scenes: int = 6, **pairs: list[Pair]) -> list[str]:
    return list(headline(Summary(tuple(summaries), n_scenes, n_scenes, ()), compared(**pairs)))


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
    assert [count(1, "scene"), count(5400, "picture")] == ["1 scene", "5,400 pictures"]
    assert [listed([]), listed(["a"]), listed(["a", "b", "c"])] == ["", "a", "a, b and c"]


def test_every_interval_is_named_and_a_missing_one_is_explained() -> None:
    assert interval_rule(interval(0, 1), 6) == "95 % Student t, 6 scenes"
    assert interval_rule(None, 1) == "no interval: 1 scene, fewer than 4"
    assert interval_rule(None, 0) == "no value in any scene"


@pytest.mark.parametrize(
    ("effect", "ends", "p", "expected"),
    [
        (0.1, (0.05, 0.15), 0.03, "is ahead of"),
        (-0.1, (-0.15, -0.05), 0.03, "is behind"),
        (0.1, (0.05, 0.15), 0.06, "seems ahead of"),
        (-0.1, (-0.15, -0.05), 0.06, "seems behind"),
        (0.1, (-0.01, 0.21), 0.03, "cannot be told apart from"),
        (0.0, (0.0, 0.0), None, "cannot be told apart from"),
        (0.1, None, None, "cannot be told apart from"),
    ],
)
def test_a_difference_is_claimed_only_where_interval_and_p_agree(
    effect: float, ends: tuple[float, float] | None, p: float | None, expected: str
) -> None:
    assert verdict(pair(effect, ends, p)) == expected


def test_the_headline_tells_the_front_and_the_paired_differences() -> None:
    both = [summarised("ours", True), summarised("ti-m", True)]
    undecided = [pair(0.01, (-0.1, 0.12), 0.4)]
    assert told(both, prompt=[pair(-0.02, (-0.03, -0.01))], identity=undecided, detection=undecided) == [
        "By the means, ours and ti-m are on the Pareto front.",
        "Prompt similarity: ours is behind ti-m (−0.020 [−0.030, −0.010], p = 0.03).",
        "Identity similarity: ours cannot be told apart from ti-m (+0.010 [−0.100, +0.120], p = 0.4).",
    ]


def test_a_difference_on_some_of_the_scenes_says_so() -> None:
    both = [summarised("ours", True), summarised("ti-m", True)]
    expected = "Identity similarity: ours is ahead of ti-m (+0.100 [+0.050, +0.150], p = 0.03, 6 scenes only)."
    assert told(both, 7, identity=[pair(0.1, (0.05, 0.15))])[-1] == expected


def test_a_difference_in_detection_is_told() -> None:
    both = [summarised("ours", True), summarised("ti-m", False)]
    assert told(both, detection=[pair(0.2, (0.1, 0.3))])[-1].startswith("Detection rate: ours is ahead of ti-m")


def test_many_methods_are_told_by_name_and_only_against_the_first() -> None:
    names = ["a", "b", "c", "d"]
    pairs = [pair(0.1, (0.05, 0.15), second=name) for name in names]
    others = Pair("a", "b", "Wilcoxon signed-rank", "scenes", 6, 0.1, interval(0.05, 0.15), 0.03)
    summaries = [summarised("ours", True), *(summarised(name, False) for name in names)]
    sentences = told(summaries, prompt=[*pairs, others])
    assert sentences == [
        "By the means, ours alone is on the Pareto front.",
        "Prompt similarity: ours is ahead of a, b, c and d.",
    ]


def test_few_scenes_claim_nothing() -> None:
    both = [summarised("ours", True, n=3), summarised("ti-m", True, n=3)]
    sentences = told(both, 3, prompt=[pair(0.1, None, None)])
    assert sentences[1:] == [
        "No difference is claimed: with 3 common scenes there are no intervals and no tests (from 4 on)."
    ]


def test_a_method_without_a_score_is_named() -> None:
    both = [summarised("ours", True), summarised("ti-m", False, identity=math.nan)]
    assert told(both)[1] == "ti-m: no identity similarity at all, so no place on the front."


def test_one_method_alone_is_told_by_its_means() -> None:
    assert told([summarised("ours", True)]) == ["ours alone: prompt similarity 0.300 and identity similarity 0.600."]


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
