"""Scores on the pictures that methods have in common."""

import numpy as np
import pandas as pd
import pytest

from bench.scoring.presets import find_preset
from bench.scoring.selection import compared_columns, standard_metrics
from bench.stats.common import CommonScores
from bench.stats.scene_means import picture_values, scene_means

METRICS = compared_columns(standard_metrics(), find_preset("paper"))

PROMPT, IDENTITY = "prompt-similarity", "identity-similarity"


def test_a_pair_has_the_pictures_that_both_have_drawn(weak: pd.DataFrame) -> None:
    common = CommonScores(weak, METRICS)
    assert common.methods == ("a", "b", "c", "weak")
    assert set(common.of(["a", "b"]).pictures["scene"]) == {f"s{k}" for k in range(6)}
    assert set(common.of(["a", "weak"]).pictures["scene"]) == {f"s{k}" for k in range(5)}
    assert common.of(["a", "weak"]) is common.together, "the same pictures are worked out once"


def test_scene_means_of_a_pair_leave_out_scenes_that_one_lacks(weak: pd.DataFrame) -> None:
    scores = CommonScores(weak, METRICS).of(["b", "weak"])
    assert scores.matrix(IDENTITY, ["b", "weak"]) == pytest.approx(np.array([[0.7, 0.3], [0.71, 0.31], [0.76, 0.36]]))
    assert scores.by_scene([PROMPT, IDENTITY], ["weak"]).shape == (3, 1, 2)
    assert scores.matrix(PROMPT, ["b", "weak"]).shape == (5, 2)


def test_pictures_of_a_pair_by_scene(hand: pd.DataFrame) -> None:
    values = CommonScores(hand, METRICS).together.pictures_by_scene(IDENTITY, ["a", "b"])
    # b found a concept in the first picture of s0 only.
    assert [each.tolist() for each in values["a"]] == [pytest.approx([0.7, 0.5])]
    assert [each.tolist() for each in values["b"]] == [pytest.approx([0.4])]


def test_together_is_what_the_plain_functions_give(hand: pd.DataFrame) -> None:
    together = CommonScores(hand, METRICS).together
    pd.testing.assert_frame_equal(together.pictures, picture_values(hand, METRICS))
    pd.testing.assert_frame_equal(together.means, scene_means(hand, METRICS))


def test_a_method_that_the_table_lacks_has_no_picture_in_common_with_others(hand: pd.DataFrame) -> None:
    for table in (hand, hand.iloc[:0]):
        scores = CommonScores(table, METRICS).of(["a", "walk"])
        assert scores.pictures.empty
        assert scores.matrix(PROMPT, ["a", "walk"]).shape == (0, 2)


@pytest.mark.parametrize("methods", [["a"], []])
def test_one_method_or_none(hand: pd.DataFrame, methods: list[str]) -> None:
    common = CommonScores(hand[hand["method"].isin(methods)], METRICS)
    assert common.together.matrix(PROMPT, methods).shape == (2 * len(methods), len(methods))
