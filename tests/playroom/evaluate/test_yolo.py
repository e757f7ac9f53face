"""Mask mAP50: known answers of COCO's evaluation, and an interval that is the same each time."""

from __future__ import annotations

import numpy as np
import pytest

from bench.playroom.evaluate.yolo import Instances, Shown, found, map50

FIRST, SECOND = 0, 4


def square(left: int) -> np.ndarray:
    mask = np.zeros((64, 64), bool)
    mask[10:30, left : left + 20] = True
    return mask


def scene(*classes: int) -> Shown:
    masks = np.stack([square(30 * place) for place in range(len(classes))])
    return Shown(np.zeros((64, 64, 3), np.uint8), classes, masks)


def told(*instances: tuple[int, float, np.ndarray]) -> Instances:
    boxes = np.array([[0, 0, 1, 1, score, kind] for kind, score, _ in instances], float).reshape(-1, 6)
    return boxes, np.array([mask for *_, mask in instances], bool).reshape(-1, 64, 64)


def test_the_truth_itself_scores_one() -> None:
    figures = map50([scene(FIRST, SECOND)] * 5, [told((FIRST, 0.9, square(0)), (SECOND, 0.8, square(30)))] * 5)
    assert figures == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 5}


def test_nothing_found_scores_zero() -> None:
    assert map50([scene(FIRST)] * 5, [told()] * 5) == {"value": 0.0, "low": 0.0, "high": 0.0, "n": 5}


@pytest.mark.parametrize(
    ("instances", "expected"),
    [
        ([told((FIRST, 0.9, square(0))), told()], 51 / 101),  # half of the recalls 0, .01, ..., 1 are reached
        ([told((FIRST, 0.9, square(10))), told((FIRST, 0.8, square(0)))], 51 / 101 / 2),  # IoU 1/3: wrong, and first
        ([told((FIRST, 0.9, square(5))), told((FIRST, 0.8, square(0)))], 1.0),  # IoU .6
        ([told((SECOND, 0.9, square(0))), told((FIRST, 0.8, square(0)))], 51 / 101),  # another class's is none of this
    ],
)
def test_average_precision_by_hand(instances: list[Instances], expected: float) -> None:
    assert map50([scene(FIRST), scene(FIRST)], instances)["value"] == pytest.approx(expected, abs=1e-4)


def test_classes_that_never_show_are_left_out_of_the_mean() -> None:
    shown, instances = [scene(FIRST), scene(SECOND)], [told((FIRST, 0.9, square(0))), told()]
    assert map50(shown, instances)["value"] == pytest.approx(0.5)


def test_the_interval_is_over_scenes_and_the_same_each_time() -> None:
    shown = [scene(FIRST)] * 40
    instances = [told((FIRST, 0.9, square(0))) if number % 2 else told() for number in range(40)]
    figures = map50(shown, instances)
    assert figures == map50(shown, instances)
    # half of 40 scenes: a binomial share's 95 % interval is .5 -/+ .155
    assert figures["low"] == pytest.approx(0.345, abs=0.05)
    assert figures["high"] == pytest.approx(0.655, abs=0.05)


def test_found_counts_confident_masks_of_the_right_class() -> None:
    shown = [scene(FIRST)] * 4
    instances = [
        told((FIRST, 0.3, square(0))),
        told((FIRST, 0.2, square(0))),  # below the preset's least confidence
        told((SECOND, 0.9, square(0))),
        told((FIRST, 0.9, square(10))),  # IoU 1/3
    ]
    assert found(shown, instances).describe()["rate"] == 0.25
