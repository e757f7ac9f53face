from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from bench.plugins.metric import Column
from bench.scoring.presets import find_preset
from bench.scoring.selection import compared_columns, standard_metrics
from bench.stats.common import CommonScores
from bench.stats.compare import compare_all, compare_pictures, compare_scenes
from bench.stats.scene_means import picture_values

METRICS = compared_columns(standard_metrics(), find_preset("paper"))


def metric(label: str) -> Column:
    return next(column for column in METRICS if column.label == label)


Drawn = Callable[[int, int], pd.DataFrame]


def test_over_pictures_as_the_paper_tests(drawn: Drawn) -> None:
    table = drawn(6, 3)
    comparison = compare_pictures(table, metric("prompt-similarity"))
    values = picture_values(table, METRICS)
    groups = [values.loc[values["method"] == f"m{m}", "prompt-similarity"] for m in range(3)]
    assert comparison.overall.p == pytest.approx(stats.kruskal(*groups).pvalue)
    assert [pair.p for pair in comparison.pairs] == pytest.approx(
        [stats.tukey_hsd(*groups).pvalue[pair] for pair in ((0, 1), (0, 2), (1, 2))]
    )
    assert (comparison.n_scenes, comparison.n_pictures, comparison.unit) == (6, 18, "pictures")


def test_paired_by_scene(drawn: Drawn) -> None:
    comparison = compare_scenes(CommonScores(drawn(6, 2), METRICS), metric("identity-similarity"))
    (pair,) = comparison.pairs
    assert pair.effect == pytest.approx(0.1, abs=0.03)
    assert pair.p == pytest.approx(2 / 2**6)
    assert (comparison.n_scenes, comparison.n_pictures, pair.n, pair.unit) == (6, 18, 6, "scenes")


def test_only_what_all_methods_have_is_compared(hand: pd.DataFrame) -> None:
    identity = compare_pictures(hand, metric("identity-similarity"))
    # b found a concept in one picture only.
    assert (identity.n_scenes, identity.n_pictures) == (1, 1)
    assert "fewer than 2" in identity.overall.p_text
    scenes = compare_scenes(CommonScores(hand, METRICS), metric("identity-similarity"))
    assert (scenes.n_scenes, scenes.n_pictures) == (1, 1)
    assert scenes.overall.p_text == "1 common scene: no test below 4"


def test_a_picture_that_one_method_lacks_is_left_out_of_both_tests(drawn: Drawn) -> None:
    table = drawn(5, 2)
    partial = table[~((table["method"] == "m1") & (table["scene"] == "s4") & (table["template"] == "t2"))]
    assert compare_pictures(partial, metric("prompt-similarity")).n_pictures == 14
    scenes = compare_scenes(CommonScores(partial, METRICS), metric("prompt-similarity"))
    assert (scenes.n_scenes, scenes.n_pictures) == (5, 14)


def test_every_metric_both_ways(hand: pd.DataFrame) -> None:
    comparisons = compare_all(CommonScores(hand, METRICS))
    assert [(comparison.metric, comparison.unit) for comparison in comparisons] == [
        (metric, unit) for metric in (metric.label for metric in METRICS) for unit in ("pictures", "scenes")
    ]


def test_one_weak_control_does_not_void_the_tests_of_others(weak: pd.DataFrame) -> None:
    four = weak[weak["scene"].isin(["s0", "s1", "s2", "s3"])]
    comparison = compare_scenes(CommonScores(four, METRICS), metric("identity-similarity"))
    assert comparison.overall.p_text == "3 common scenes: no test below 4"
    ns = {pair.methods: pair.n for pair in comparison.pairs}
    assert ns == {
        ("a", "b"): 4, ("a", "c"): 4, ("b", "c"): 4, ("a", "weak"): 3, ("b", "weak"): 3, ("c", "weak"): 3,
    }  # fmt: skip
    tested = [pair for pair in comparison.pairs if pair.n == 4]
    # Four scenes all for one method: 2 / 2^4; three pairs can be tested, and all p are equal, so Holm triples each.
    assert [pair.p for pair in tested] == pytest.approx([3 * 2 / 16] * 3)
    assert all(pair.p_text == "3 common scenes: no test below 4" for pair in comparison.pairs if pair.n == 3)


def test_what_a_method_lacks_changes_nothing_of_another_pair_but_the_family(weak: pd.DataFrame) -> None:
    """A pair's n, effect and interval are those of a table of the two alone; p is Wilcoxon's with Holm's correction."""
    for label in ("prompt-similarity", "identity-similarity"):
        pairs = compare_scenes(CommonScores(weak, METRICS), metric(label)).pairs
        alone = {}
        for pair in pairs:
            two = CommonScores(weak[weak["method"].isin(pair.methods)], METRICS)
            (alone[pair.methods],) = compare_scenes(two, metric(label)).pairs
            assert (pair.n, pair.effect, pair.interval) == (
                alone[pair.methods].n,
                alone[pair.methods].effect,
                alone[pair.methods].interval,
            )
        raw = [alone[pair.methods].p for pair in pairs if pair.p is not None]
        assert [pair.p for pair in pairs if pair.p is not None] == pytest.approx(multipletests(raw, method="holm")[1])


def test_pairs_by_hand(weak: pd.DataFrame) -> None:
    pairs = {
        pair.methods: pair for pair in compare_scenes(CommonScores(weak, METRICS), metric("prompt-similarity")).pairs
    }
    # `weak` has no picture of s5: five scenes with it, six without.
    assert (pairs["a", "b"].n, pairs["a", "weak"].n) == (6, 5)
    differences = [0.1 + 0.01 * scene for scene in range(6)]
    assert pairs["a", "b"].effect == pytest.approx(np.mean(differences))
    interval = pairs["a", "b"].interval
    assert interval is not None
    expected = stats.ttest_1samp(differences, 0).confidence_interval()
    assert (interval.low, interval.high) == pytest.approx(tuple(expected))
    raw = [stats.wilcoxon(np.arange(1.0, n + 1)).pvalue for n in (6, 6, 5, 6, 5, 5)]
    assert [pair.p for pair in pairs.values()] == pytest.approx(multipletests(raw, method="holm")[1])


def test_over_pictures_all_pairs_rest_on_what_all_have(weak: pd.DataFrame) -> None:
    comparison = compare_pictures(weak, metric("identity-similarity"))
    assert {pair.n for pair in comparison.pairs} == {3}
    assert comparison.n_pictures == 3


def test_a_pair_that_shares_pictures_is_tested_where_all_together_share_none(weak: pd.DataFrame) -> None:
    apart = weak[(weak["method"] != "weak") | (weak["scene"] == "s9")]
    elsewhere = weak[weak["method"] == "weak"].assign(template="another")
    comparison = compare_scenes(CommonScores(pd.concat([apart, elsewhere]), METRICS), metric("prompt-similarity"))
    assert comparison.n_scenes == 0
    assert {pair.methods: pair.n for pair in comparison.pairs}["a", "b"] == 6


@pytest.mark.parametrize("methods", [["a"], []])
def test_one_method_or_none_gives_reasons(hand: pd.DataFrame, methods: list[str]) -> None:
    for comparison in compare_all(CommonScores(hand[hand["method"].isin(methods)], METRICS)):
        assert comparison.overall.p is None
        assert comparison.overall.p_text == "one method: nothing to compare"
        assert comparison.pairs == ()
