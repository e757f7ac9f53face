"""The analysis of a table and its CSV dataframes."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bench.plugins.metric import Column
from bench.scoring.presets import find_preset
from bench.scoring.selection import compared_columns, standard_metrics
from bench.stats import dataframes
from bench.stats.analysis import analyse
from bench.stats.effects import CLIFFS_DELTA, IMPROVEMENT
from bench.stats.mixed import MIXED
from bench.stats.scene_means import matrix, picture_values, scene_means

METRICS = compared_columns(standard_metrics(), find_preset("paper"))

Drawn = Callable[[int, int], pd.DataFrame]


def test_every_test_of_every_metric_is_a_row(drawn: Drawn) -> None:
    analysis = analyse(drawn(6, 3), METRICS, 0.02)
    tests = dataframes.tests_frame(analysis)
    for metric in METRICS:
        of = tests[tests["metric"] == metric.label]
        overall = of[of["first"] == ""]
        assert list(overall["test"]) == ["Kruskal-Wallis", "Friedman", MIXED]
        assert len(of) == 3 * (1 + 3)
    assert (tests["metric"] == dataframes.FRONT).sum() == 6
    known = tests["p"].notna() & (tests["p"] > 0)
    assert tests.loc[known, "log10_p"].to_numpy(float) == pytest.approx(np.log10(tests.loc[known, "p"].to_numpy(float)))
    assert tests["p_text"].str.len().min() > 0


def test_moments_are_those_of_the_pictures(drawn: Drawn) -> None:
    table = drawn(5, 2)
    described = dataframes.moments_frame(analyse(table, METRICS, 0.02)).set_index(["method", "metric"])
    values = picture_values(table, METRICS)
    mine = values.loc[values["method"] == "m1", "prompt-similarity"]
    row = described.loc[("m1", "prompt-similarity")]
    assert (row["n"], row["mean"]) == (15, pytest.approx(mine.mean()))
    assert (row["deviation"], row["variance"]) == (pytest.approx(mine.std()), pytest.approx(mine.var()))


def test_effects_are_of_common_pictures(drawn: Drawn) -> None:
    effects = dataframes.effects_frame(analyse(drawn(6, 2), METRICS, 0.02))
    row = effects[(effects["measure"] == IMPROVEMENT) & (effects["metric"] == "identity-similarity")].iloc[0]
    assert (row["first"], row["second"], row["n_scenes"]) == ("m0", "m1", 6)
    assert row["value"] > 0.9
    assert row["low"] <= row["value"] <= row["high"]


def test_the_mixed_model_uses_scenes_that_a_method_lacks(drawn: Drawn) -> None:
    table = drawn(8, 3)
    partial = table[~((table["method"] == "m1") & (table["scene"] == "s0"))]
    analysis = analyse(partial, METRICS, 0.02)
    assert analysis.mixed["prompt-similarity"].overall.n == 8
    by_scene = [each for each in analysis.comparisons if each.unit == "scenes" and each.metric == "prompt-similarity"]
    assert by_scene[0].n_scenes == 7


def test_the_front_and_the_power(drawn: Drawn) -> None:
    table = drawn(6, 2)
    analysis = analyse(table, METRICS, 0.05)
    front = dataframes.front_frame(analysis)
    assert list(front["method"]) == ["m0", "m1", "all together"]
    assert front["front_probability"].tolist()[:2] == pytest.approx([1, 1], abs=0.02)
    assert front["hypervolume"].iloc[2] > front["hypervolume"].iloc[:2].max()
    sample_sizes = dataframes.power_frame(analysis).set_index("metric")
    columns = matrix(scene_means(table, METRICS), "prompt-similarity", ["m0", "m1"])
    assert sample_sizes.loc["prompt-similarity", "spread"] == pytest.approx((columns[:, 0] - columns[:, 1]).std(ddof=1))
    assert sample_sizes.loc["prompt-similarity", "scenes_needed"] >= 6
    assert sample_sizes.loc["prompt-similarity", "difference"] == 0.05
    assert pd.isna(sample_sizes.loc["detection-rate", "scenes_needed"])


def test_a_method_without_identity_is_left_out_of_the_front(drawn: Drawn) -> None:
    table = drawn(6, 3)
    table.loc[table["method"] == "m2", "identity_similarity"] = np.nan
    front = analyse(table, METRICS, 0.02).front
    assert front is not None
    assert front.methods == ("m0", "m1")


def test_controls_do_not_compete_for_the_front_and_are_tested_with_the_others(drawn: Drawn) -> None:
    """`real` beats both others in both similarities."""
    table = drawn(6, 3).replace({"method": {"m0": "real"}})
    table.loc[table["method"] == "real", ["prompt_similarity", "identity_similarity"]] += 0.5
    alone = analyse(table[table["method"] != "real"], METRICS, 0.02).front
    front = analyse(table, METRICS, 0.02, ("real",)).front
    assert front is not None
    assert alone is not None
    assert front.methods == ("m1", "m2")
    assert (front.probabilities, front.hypervolume) == (alone.probabilities, alone.hypervolume)
    assert {pair.methods for pair in front.dominance} > {("real", "m1"), ("m2", "real")}


def test_a_run_of_controls_alone_has_no_front(drawn: Drawn) -> None:
    analysis = analyse(drawn(6, 2), METRICS, 0.02, ("m0", "m1"))
    frame = dataframes.front_frame(analysis)
    assert frame.empty
    assert list(frame) == list(dataframes.front_frame(analyse(drawn(6, 2), METRICS, 0.02)))
    assert (dataframes.tests_frame(analysis)["metric"] == dataframes.FRONT).sum() == 2


def test_methods_that_have_pictures_in_common_in_pairs_alone_have_no_front(drawn: Drawn) -> None:
    table, number = drawn(12, 3), drawn(12, 3)["scene"].str[1:].astype(int)
    lacking = table["method"].str[1:].astype(int) == number // 4
    front = analyse(table[~lacking], METRICS, 0.02).front
    assert front is not None
    assert (front.methods, front.n_scenes) == ((), 0)
    assert {pair.n for pair in front.dominance} == {4}


def test_what_a_weak_method_lacks_changes_no_other_pair(weak: pd.DataFrame) -> None:
    """Effects, sample sizes and dominance of a, b and c are as in a table of these three alone."""
    known = METRICS[:3]
    whole, without = (analyse(table, known, 0.02) for table in (weak, weak[weak["method"] != "weak"]))
    assert [each for each in whole.effects if "weak" not in (each.first, each.second)] == list(without.effects)
    sizes = [each for each in whole.sample_sizes if "weak" not in (each.first, each.second)]
    assert [(each.n, each.spread) for each in sizes] == [(each.n, each.spread) for each in without.sample_sizes]
    # Six pairs instead of three: what the corrected level decides differs.
    assert {each.alpha for each in sizes} == {0.05 / 6}
    assert whole.front is not None
    assert without.front is not None
    assert (whole.front.n_scenes, without.front.n_scenes) == (3, 6)
    found = [(pair.methods, pair.n, pair.effect) for pair in whole.front.dominance if "weak" not in pair.methods]
    assert found == [(pair.methods, pair.n, pair.effect) for pair in without.front.dominance]


def test_effects_of_a_pair_by_hand(weak: pd.DataFrame) -> None:
    effects = {
        (each.metric, each.first, each.second, each.measure): each for each in analyse(weak, METRICS, 0.02).effects
    }
    won = effects["identity-similarity", "a", "b", IMPROVEMENT]
    assert (won.n, won.value) == (6, 1.0)
    assert effects["identity-similarity", "a", "weak", IMPROVEMENT].n == 3
    values = {
        m: [0.8 + 0.02 * s**2 - lead - 0.01 * s * (m != "a") for s in range(6)] for m, lead in (("a", 0), ("b", 0.1))
    }
    expected = np.sign(np.subtract.outer(values["a"], values["b"])).mean()
    assert effects["identity-similarity", "a", "b", CLIFFS_DELTA].value == pytest.approx(expected)


def test_a_table_of_any_columns_is_analysed(weak: pd.DataFrame) -> None:
    mine = Column("steps", "how many steps", better="lower", range=(0.0, 100.0))
    table = weak[weak["method"] != "weak"].assign(steps=[10 + k for k in range(18)])
    analysis = analyse(table, [mine], 0.5)
    assert {each.metric for each in analysis.comparisons} == {"steps"}
    assert analysis.front is None
    # Rows are in the order a, b, c of every scene: b has one more than a, which is worse.
    (won, *_) = [each for each in analysis.effects if each.measure == IMPROVEMENT]
    assert (won.first, won.second, won.value) == ("a", "b", 1.0)
    assert not set(dataframes.tests_frame(analysis)["metric"]) - {"steps"}
    assert analyse(table, [], 0.5).comparisons == ()


@pytest.mark.parametrize("methods", [["a"], []])
def test_one_method_or_none(hand: pd.DataFrame, methods: list[str]) -> None:
    analysis = analyse(hand[hand["method"].isin(methods)], METRICS, 0.02)
    assert dataframes.effects_frame(analysis).empty
    assert dataframes.power_frame(analysis).empty
    assert list(dataframes.effects_frame(analysis)) == list(dataframes.effects_frame(analyse(hand, METRICS, 0.02)))
    assert dataframes.tests_frame(analysis)["p"].isna().all()
    assert len(dataframes.moments_frame(analysis)) == len(methods) * len(METRICS)
