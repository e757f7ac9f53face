from collections.abc import Callable

import pandas as pd
import pytest
from bench.scoring.catalogue import METRICS
from scipy import stats

from bench.stats.compare import compare_all, compare_pictures, compare_scenes
from bench.stats.scene_means import picture_values

Drawn = Callable[[int, int], pd.DataFrame]


def test_over_pictures_as_the_paper_tests(drawn: Drawn) -> None:
    table = drawn(6, 3)
    comparison = compare_pictures(table, "prompt-similarity")
    values = picture_values(table)
    groups = [values.loc[values["method"] == f"m{m}", "prompt-similarity"] for m in range(3)]
    assert comparison.overall.p == pytest.approx(stats.kruskal(*groups).pvalue)
    assert [pair.p for pair in comparison.pairs] == pytest.approx(
        [stats.tukey_hsd(*groups).pvalue[pair] for pair in ((0, 1), (0, 2), (1, 2))]
    )
    assert (comparison.n_scenes, comparison.n_pictures, comparison.unit) == (6, 18, "pictures")


def test_paired_by_scene(drawn: Drawn) -> None:
    comparison = compare_scenes(drawn(6, 2), "identity-similarity")
    (pair,) = comparison.pairs
    assert pair.effect == pytest.approx(0.1, abs=0.03)
    assert pair.p == pytest.approx(2 / 2**6)
    assert (comparison.n_scenes, comparison.n_pictures, pair.n, pair.unit) == (6, 18, 6, "scenes")


def test_only_what_all_methods_have_is_compared(hand: pd.DataFrame) -> None:
    identity = compare_pictures(hand, "identity-similarity")
    # b found a concept in one picture only.
    assert (identity.n_scenes, identity.n_pictures) == (1, 1)
    assert "fewer than 2" in identity.overall.p_text
    scenes = compare_scenes(hand, "identity-similarity")
    assert (scenes.n_scenes, scenes.n_pictures) == (1, 1)
    assert scenes.overall.p_text == "1 common scene: no test below 4"


def test_a_picture_that_one_method_lacks_is_left_out_of_both_tests(drawn: Drawn) -> None:
    table = drawn(5, 2)
    partial = table[~((table["method"] == "m1") & (table["scene"] == "s4") & (table["template"] == "t2"))]
    assert compare_pictures(partial, "prompt-similarity").n_pictures == 14
    scenes = compare_scenes(partial, "prompt-similarity")
    assert (scenes.n_scenes, scenes.n_pictures) == (5, 14)


def test_every_metric_both_ways(hand: pd.DataFrame) -> None:
    comparisons = compare_all(hand)
    assert [(comparison.metric, comparison.unit) for comparison in comparisons] == [
        (metric, unit) for metric in (metric.name for metric in METRICS) for unit in ("pictures", "scenes")
    ]


@pytest.mark.parametrize("methods", [["a"], []])
def test_one_method_or_none_gives_reasons(hand: pd.DataFrame, methods: list[str]) -> None:
    for comparison in compare_all(hand[hand["method"].isin(methods)]):
        assert comparison.overall.p is None
        assert comparison.overall.p_text == "one method: nothing to compare"
        assert comparison.pairs == ()
