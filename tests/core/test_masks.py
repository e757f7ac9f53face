"""Mask IoU by hand, and its course over steps."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.core.masks import iou_with_truth, mask_iou, outline, principal_axis
from bench.reporting.mask_records import iou_by_step


def test_by_hand() -> None:
    one, other = np.zeros((2, 4, 4), bool)
    one[:2], other[1:3] = True, True
    assert mask_iou(one, other) == pytest.approx(4 / 12)
    assert mask_iou(one, one) == 1
    assert mask_iou(one, ~one) == 0
    assert mask_iou(one & ~one, other & ~other) == 1


@given(st.integers(0, 2**32 - 1))
def test_is_symmetric_and_bounded(seed: int) -> None:
    one, other = np.random.default_rng(seed).random((2, 5, 5)) < 0.5
    assert 0 <= mask_iou(one, other) == mask_iou(other, one) <= 1


def test_without_a_true_mask_there_is_no_iou() -> None:
    everything = np.ones((3, 3), bool)
    assert math.isnan(iou_with_truth(everything, ~everything))
    assert iou_with_truth(~everything, everything) == 0


def test_the_principal_axis_by_hand() -> None:
    """Of 2 x 6 pixels: variances (6**2 - 1) / 12 and (2**2 - 1) / 12, a ratio of deviations of sqrt(35 / 3)."""
    mask = np.zeros((8, 8), bool)
    mask[3:5, 1:7] = True
    assert principal_axis(mask) == pytest.approx((0, math.sqrt(35 / 3)))
    assert principal_axis(mask.T) == pytest.approx((90, math.sqrt(35 / 3)))
    assert principal_axis(np.eye(8, dtype=bool))[0] == pytest.approx(45), "clockwise: down and to the right"
    assert principal_axis(np.eye(8, dtype=bool)[::-1])[0] == pytest.approx(135)


def test_a_round_an_empty_and_a_thin_mask_have_no_long_axis_or_an_endless_one() -> None:
    assert principal_axis(np.ones((6, 6), bool))[1] == pytest.approx(1)
    assert principal_axis(np.zeros((6, 6), bool)) == (0, 0)
    assert principal_axis(np.arange(36).reshape(6, 6) < 6)[1] == math.inf


def test_an_outline_is_within_its_width_and_leaves_the_edge_of_the_picture_free() -> None:
    """A 5 x 5 square keeps its inner 3 x 3; of a mask that fills the left half only the right column is border."""
    square = np.zeros((7, 7), bool)
    square[1:6, 1:6] = True
    inner = np.zeros((7, 7), bool)
    inner[2:5, 2:5] = True
    assert np.array_equal(outline(square, 1), square & ~inner)
    assert np.argwhere(square & ~outline(square, 2)).tolist() == [[3, 3]]
    half = np.zeros((4, 6), bool)
    half[:, :3] = True
    assert np.argwhere(outline(half, 1)).tolist() == [[row, 2] for row in range(4)]


def test_steps_are_means_over_concepts_then_scenes_and_go_on_where_masks_are_never_updated() -> None:
    """Scene a has two concepts, scene b one: step 0 is (mean(.1, .3) + .6) / 2."""
    rows = [
        *(("em", "a", 0, 0, 0.1), ("em", "a", 0, 1, 0.3), ("em", "b", 0, 0, 0.6)),
        *(("em", "a", 1, 0, 0.5), ("em", "a", 1, 1, 0.5), ("em", "b", 1, 0, 0.7)),
        ("fixed", "a", 0, 0, 0.25),
    ]
    notes = pd.DataFrame(rows, columns=["method", "scene", "step", "concept", "iou"])
    found = iou_by_step(notes)
    assert found["em"].tolist() == pytest.approx([0.4, 0.6])
    assert found["fixed"].tolist() == [0.25, 0.25]
