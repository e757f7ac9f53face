"""Findings in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bench.plugins.metric import Column
from bench.reporting.headline import headline, verdict
from bench.scoring.presets import find_preset
from bench.scoring.selection import compared_columns, standard_metrics
from bench.stats.intervals import Interval
from bench.stats.results import Comparison, Overall, Pair
from bench.stats.summary import Estimate, MethodSummary, Summary

METRICS = compared_columns(standard_metrics(), find_preset("paper"))

TOLD = METRICS[:3]


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


def told(
    summaries: list[MethodSummary],
    n_scenes: int = 6,
    reference: str = "ours",
    metrics: Sequence[Column] = TOLD,
    **pairs: list[Pair],
) -> list[str]:
    summary = Summary(tuple(summaries), n_scenes, n_scenes, ())
    return list(headline(summary, compared(**pairs), metrics, reference))


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


def test_controls_have_no_place_on_the_front_to_be_told_of() -> None:
    blind = replace(summarised("base-model", False, identity=math.nan), control=True)
    assert told([summarised("ours", True), summarised("ti-m", False), blind]) == [
        "By the means, ours alone is on the Pareto front."
    ]
    assert told([summarised("ours", True), blind]) == [], "nobody competes with it"
    assert told([blind, blind]) == []


def test_one_method_alone_is_told_by_its_means() -> None:
    assert told([summarised("ours", True)]) == ["ours alone: prompt similarity 0.300 and identity similarity 0.600."]


def test_the_reference_is_compared_also_where_it_stands_second() -> None:
    both = [summarised("ours", True), summarised("ti-m", True)]
    sentences = told(both, reference="ti-m", prompt=[pair(-0.02, (-0.03, -0.01)), pair(0.1, (0.05, 0.15), second="db")])
    assert sentences[1:] == ["Prompt similarity: ti-m is ahead of ours (+0.020 [+0.010, +0.030], p = 0.03)."]


def test_less_of_a_metric_may_be_better() -> None:
    assert verdict(pair(-0.1, (-0.15, -0.05)), higher_is_better=False) == "is ahead of"
    assert verdict(pair(0.1, (0.05, 0.15)), higher_is_better=False) == "is behind"


def test_a_pair_with_more_scenes_than_all_have_is_told_with_its_scenes() -> None:
    """A weak third method leaves 3 scenes to all together, and 6 to this pair."""
    three = [summarised("ours", True, n=3), summarised("ti-m", True, n=3), summarised("weak", False, n=3)]
    sentences = told(three, 3, prompt=[pair(0.1, (0.05, 0.15))])
    assert sentences[1:] == ["Prompt similarity: ours is ahead of ti-m (+0.100 [+0.050, +0.150], p = 0.03, 6 scenes)."]


def test_without_any_axis_every_metric_is_told() -> None:
    mine = Column("mine", "what I measure", better="lower", range=(0.0, 9.0))
    summaries = [replace(summarised(name, False), estimates={"mine": Estimate(1.0, None, 6, 6)}) for name in "ab"]
    comparison = Comparison(
        "mine", "scenes", (), 6, 6, compared()[0].overall, (pair(-0.1, (-0.15, -0.05), second="b"),)
    )
    comparison = replace(comparison, pairs=(replace(comparison.pairs[0], first="a"),))
    sentences = list(headline(Summary(tuple(summaries), 6, 6, ()), [comparison], [mine], "a"))
    assert sentences == ["Mine: a is ahead of b (−0.100 [−0.150, −0.050], p = 0.03)."]
