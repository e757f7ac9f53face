"""The analysis of a table and its CSV dataframes."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from bench.scoring.catalogue import METRICS

from bench.stats import dataframes
from bench.stats.analysis import analyse
from bench.stats.effects import IMPROVEMENT
from bench.stats.mixed import MIXED
from bench.stats.scene_means import matrix, picture_values, scene_means

Drawn = Callable[[int, int], pd.DataFrame]


def test_every_test_of_every_metric_is_a_row(drawn: Drawn) -> None:
    analysis = analyse(drawn(6, 3), 0.02)
    tests = dataframes.tests_frame(analysis)
    for metric in METRICS:
        of = tests[tests["metric"] == metric.name]
        overall = of[of["first"] == ""]
        assert list(overall["test"]) == ["Kruskal-Wallis", "Friedman", MIXED]
        assert len(of) == 3 * (1 + 3)
    assert (tests["metric"] == dataframes.FRONT).sum() == 6
    known = tests["p"].notna() & (tests["p"] > 0)
    assert tests.loc[known, "log10_p"].to_numpy(float) == pytest.approx(np.log10(tests.loc[known, "p"].to_numpy(float)))
    assert tests["p_text"].str.len().min() > 0


def test_moments_are_those_of_the_pictures(drawn: Drawn) -> None:
    table = drawn(5, 2)
    described = dataframes.moments_frame(analyse(table, 0.02)).set_index(["method", "metric"])
    values = picture_values(table)
    mine = values.loc[values["method"] == "m1", "prompt-similarity"]
    row = described.loc[("m1", "prompt-similarity")]
    assert (row["n"], row["mean"]) == (15, pytest.approx(mine.mean()))
    assert (row["deviation"], row["variance"]) == (pytest.approx(mine.std()), pytest.approx(mine.var()))


def test_effects_are_of_common_pictures(drawn: Drawn) -> None:
    effects = dataframes.effects_frame(analyse(drawn(6, 2), 0.02))
    row = effects[(effects["measure"] == IMPROVEMENT) & (effects["metric"] == "identity-similarity")].iloc[0]
    assert (row["first"], row["second"], row["n_scenes"]) == ("m0", "m1", 6)
    assert row["value"] > 0.9
    assert row["low"] <= row["value"] <= row["high"]


def test_the_mixed_model_uses_scenes_that_a_method_lacks(drawn: Drawn) -> None:
    table = drawn(8, 3)
    partial = table[~((table["method"] == "m1") & (table["scene"] == "s0"))]
    analysis = analyse(partial, 0.02)
    assert analysis.mixed["prompt-similarity"].overall.n == 8
    by_scene = [each for each in analysis.comparisons if each.unit == "scenes" and each.metric == "prompt-similarity"]
    assert by_scene[0].n_scenes == 7


def test_the_front_and_the_power(drawn: Drawn) -> None:
    table = drawn(6, 2)
    analysis = analyse(table, 0.05)
    front = dataframes.front_frame(analysis)
    assert list(front["method"]) == ["m0", "m1", "all together"]
    assert front["front_probability"].tolist()[:2] == pytest.approx([1, 1], abs=0.02)
    assert front["hypervolume"].iloc[2] > front["hypervolume"].iloc[:2].max()
    sample_sizes = dataframes.power_frame(analysis).set_index("metric")
    columns = matrix(scene_means(table), "prompt-similarity", ["m0", "m1"])
    assert sample_sizes.loc["prompt-similarity", "spread"] == pytest.approx((columns[:, 0] - columns[:, 1]).std(ddof=1))
    assert sample_sizes.loc["prompt-similarity", "scenes_needed"] >= 6
    assert sample_sizes.loc["prompt-similarity", "difference"] == 0.05
    assert pd.isna(sample_sizes.loc["detection-rate", "scenes_needed"])


def test_a_method_without_identity_is_left_out_of_the_front(drawn: Drawn) -> None:
    table = drawn(6, 3)
    table.loc[table["method"] == "m2", "identity_similarity"] = np.nan
    front = analyse(table, 0.02).front
    assert front is not None
    assert front.methods == ("m0", "m1")


@pytest.mark.parametrize("methods", [["a"], []])
def test_one_method_or_none(hand: pd.DataFrame, methods: list[str]) -> None:
    analysis = analyse(hand[hand["method"].isin(methods)], 0.02)
    assert dataframes.effects_frame(analysis).empty
    assert dataframes.power_frame(analysis).empty
    assert list(dataframes.effects_frame(analysis)) == list(dataframes.effects_frame(analyse(hand, 0.02)))
    assert dataframes.tests_frame(analysis)["p"].isna().all()
    assert len(dataframes.moments_frame(analysis)) == len(methods) * len(METRICS)
