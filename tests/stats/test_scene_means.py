import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.plugins.metric import Column
from bench.scoring.presets import find_preset
from bench.scoring.selection import compared_columns, standard_metrics
from bench.stats.scene_means import common_pictures, matrix, methods_of, numbers, picture_values, scene_means

METRICS = compared_columns(standard_metrics(), find_preset("paper"))


def mean_of(means: pd.DataFrame, method: str, scene: str, metric: str) -> tuple[float, int]:
    row = means[(means["method"] == method) & (means["scene"] == scene) & (means["metric"] == metric)]
    assert len(row) == 1
    return float(row["mean"].iloc[0]), int(row["n_pictures"].iloc[0])


def test_prompt_similarity_counts_a_picture_once_however_many_concepts(hand: pd.DataFrame) -> None:
    uneven = hand.drop(index=1)  # a's first picture has one row less
    assert mean_of(scene_means(uneven, METRICS), "a", "s0", "prompt-similarity") == (pytest.approx(0.3), 2)


def test_identity_similarity_is_a_mean_of_pictures_of_means_of_found_concepts(hand: pd.DataFrame) -> None:
    means = scene_means(hand, METRICS)
    # (.8 + .6) / 2 = .7 and .5, so .6: not the mean of the three values.
    assert mean_of(means, "a", "s0", "identity-similarity") == (pytest.approx(0.6), 2)
    # Only one of b's pictures has a found concept.
    assert mean_of(means, "b", "s0", "identity-similarity") == (pytest.approx(0.4), 1)


def test_a_scene_without_any_found_concept_is_nan_and_never_zero(hand: pd.DataFrame) -> None:
    mean, count = mean_of(scene_means(hand, METRICS), "b", "s1", "identity-similarity")
    assert math.isnan(mean)
    assert count == 0


def test_detection_rate_is_over_rows_whose_class_is_known(hand: pd.DataFrame) -> None:
    means = scene_means(hand, METRICS)
    assert mean_of(means, "a", "s0", "detection-rate") == (pytest.approx(3 / 4), 2)
    assert mean_of(means, "b", "s0", "detection-rate") == (pytest.approx(1 / 4), 2)
    assert mean_of(means, "a", "s1", "detection-rate") == (1.0, 2)
    assert mean_of(means, "b", "s1", "detection-rate") == (0.0, 2)


def test_detection_rate_weighs_rows_not_pictures(hand: pd.DataFrame) -> None:
    # s0 of a: one row of the first picture and two of the second are left: 1 + 1 + 0 of 3.
    assert mean_of(scene_means(hand.drop(index=1), METRICS), "a", "s0", "detection-rate")[0] == pytest.approx(2 / 3)


def test_unknown_classes_alone_give_no_rate(hand: pd.DataFrame) -> None:
    unknown = hand.assign(detected=None, identity_similarity=math.nan)
    means = scene_means(unknown, METRICS)
    rates = means[means["metric"] == "detection-rate"]
    assert rates["mean"].isna().all()
    assert (rates["n_pictures"] == 0).all()


def test_the_table_read_back_from_disk_gives_the_same_means(hand: pd.DataFrame, tmp_path) -> None:
    hand.to_parquet(tmp_path / "scores.parquet", index=False)
    pd.testing.assert_frame_equal(
        scene_means(pd.read_parquet(tmp_path / "scores.parquet"), METRICS), scene_means(hand, METRICS)
    )


def test_order_of_rows_does_not_change_a_mean(hand: pd.DataFrame) -> None:
    shuffled = hand.sample(frac=1, random_state=0)
    columns = ["method", "scene", "metric"]
    one, other = (scene_means(table, METRICS).sort_values(columns).reset_index(drop=True) for table in (hand, shuffled))
    pd.testing.assert_frame_equal(one, other)


def test_pictures_of_another_seed_are_other_pictures(hand: pd.DataFrame) -> None:
    assert len(picture_values(pd.concat([hand, hand.assign(seed=1)]), METRICS)) == 16


def sampled(hand: pd.DataFrame) -> pd.DataFrame:
    """Two samples of every prompt; the diversity of t0 is .1 and .3 in the scenes, t1 has none."""
    values = hand["scene"].map({"s0": 0.1, "s1": 0.3}).where(hand["template"] == "t0")
    return pd.concat([hand.assign(sample=sample, lpips_diversity=values) for sample in (0, 1)])


def test_diversity_counts_a_prompt_once_however_many_samples_and_concepts(hand: pd.DataFrame) -> None:
    values = picture_values(sampled(hand), METRICS)
    known = values[values["lpips-diversity"].notna()]
    assert sorted(zip(known["method"], known["scene"], known["template"], known["lpips-diversity"], strict=True)) == [
        ("a", "s0", "t0", 0.1), ("a", "s1", "t0", 0.3), ("b", "s0", "t0", 0.1), ("b", "s1", "t0", 0.3),
    ]  # fmt: skip
    assert set(known["sample"]) == {0}


def test_diversity_of_a_scene_is_the_mean_of_its_prompts(hand: pd.DataFrame) -> None:
    table = sampled(hand)
    table.loc[(table["scene"] == "s0") & (table["template"] == "t1"), "lpips_diversity"] = 0.4
    means = scene_means(table, METRICS)
    assert mean_of(means, "a", "s0", "lpips-diversity") == (pytest.approx(0.25), 2)
    assert mean_of(means, "a", "s1", "lpips-diversity") == (pytest.approx(0.3), 1)


def test_without_a_second_sample_there_is_no_diversity(hand: pd.DataFrame) -> None:
    mean, count = mean_of(scene_means(hand, METRICS), "a", "s0", "lpips-diversity")
    assert math.isnan(mean)
    assert count == 0


def test_matrix_leaves_out_scenes_that_a_method_lacks(hand: pd.DataFrame) -> None:
    means = scene_means(hand, METRICS)
    assert matrix(means, "prompt-similarity", ["b", "a"]) == pytest.approx(np.array([[0.4, 0.3], [0.2, 0.1]]))
    assert matrix(means, "identity-similarity", ["a", "b"]) == pytest.approx(np.array([[0.6, 0.4]]))


def test_common_pictures(hand: pd.DataFrame) -> None:
    partial = hand[~((hand["method"] == "b") & (hand["template"] == "t1"))]
    common = common_pictures(partial)
    assert set(common["template"]) == {"t0"}
    assert methods_of(common) == ["a", "b"]
    assert len(common) == 8


def test_any_declared_column_has_means_of_its_grain(hand: pd.DataFrame) -> None:
    """A boolean of the picture, a number of the concept, the same pooled, and a number of the prompt."""
    sharp = hand["template"] == "t0"
    table = pd.concat([hand.assign(sample=k, sharp=sharp, size=range(16), spread=0.5) for k in (0, 1)])
    columns = (
        Column("sharp", "whether it is sharp", better="higher"),
        Column("size", "how large it is", better="lower", grain="concept"),
        Column("spread", "how much samples differ", better="higher", grain="prompt", label="variety"),
    )
    means = scene_means(table, columns)
    assert list(dict.fromkeys(means["metric"])) == ["sharp", "size", "variety"]
    assert mean_of(means, "a", "s0", "sharp") == (pytest.approx(0.5), 4)
    # Rows 0, 1 (t0) and 4, 5 (t1) are a's pictures of s0.
    assert mean_of(means, "a", "s0", "size") == (pytest.approx((0.5 + 4.5) / 2), 4)
    assert mean_of(means, "a", "s0", "variety") == (0.5, 2)
    uneven = table.drop(index=1)
    pooled = replace(columns[1], pooled=True)
    assert mean_of(scene_means(uneven, columns), "a", "s0", "size")[0] == pytest.approx((0 + 4.5) / 2)
    assert mean_of(scene_means(uneven, [pooled]), "a", "s0", "size")[0] == pytest.approx((0 + 4 + 5) / 3)


@pytest.mark.parametrize(
    "values", [[True, False, None], pd.array([True, False, None], dtype="boolean"), [1, 0, math.nan], [1.0, 0.0, None]]
)
def test_booleans_and_missing_values_become_numbers(values: Any) -> None:
    converted = numbers(pd.Series(values))
    assert converted.dtype == np.float64
    assert converted.tolist() == pytest.approx([1.0, 0.0, math.nan], nan_ok=True)


def test_without_metrics_there_are_no_means(hand: pd.DataFrame) -> None:
    assert len(picture_values(hand, ())) == 8
    assert scene_means(hand, ()).empty
