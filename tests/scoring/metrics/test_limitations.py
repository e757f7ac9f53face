"""Light direction and pose by hand: on segments that are told, and what has no value keeps its reason."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bench.core.scenes import Concept, Mask, Prompt, Scene, with_background
from bench.metrics.light_direction import side_difference
from bench.metrics.pose import axis_difference, long_axis
from bench.plugins.metric import PictureJob
from bench.plugins.spec import configure
from bench.scoring.evaluators import Evaluators
from bench.scoring.models.segmenter import Segmentation
from bench.scoring.models.sources import LpipsSource, ModelSource
from bench.scoring.presets import Preset
from bench.scoring.scorer import Scorer

NOWHERE = ModelSource("nowhere")
SIDE = 40
ONE = Prompt("{tokens}", (0,))


class Told:
    """A segmenter that knows cats and is told what it finds."""

    def __init__(self, found: Segmentation) -> None:
        self.found = found

    def class_index(self, word: str) -> int | None:
        return {"cat": 0}.get(word)

    def segment(self, pictures: Sequence[np.ndarray]) -> list[Segmentation]:
        return [self.found] * len(pictures)


class Alike:
    def features(self, pictures: Sequence[np.ndarray]) -> torch.Tensor:
        return torch.ones(len(pictures), 1)


def bar(angle: float, long: float = 15, wide: float = 5) -> Mask:
    """A bar in the middle of the picture, turned clockwise from the horizontal, half as long and wide as given."""
    rows, columns = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    turn = math.radians(angle)
    along = columns * math.cos(turn) + rows * math.sin(turn)
    across = rows * math.cos(turn) - columns * math.sin(turn)
    return (abs(along) <= long) & (abs(across) <= wide)


def two_sided(left: int, right: int) -> np.ndarray:
    """A grey picture whose left and right halves have these levels."""
    picture = np.empty((SIDE, SIDE, 3), np.uint8)
    picture[:, : SIDE // 2], picture[:, SIDE // 2 :] = left, right
    return picture


def values(metric: str, scene: Scene, picture: np.ndarray, found: Mask, prompt: Prompt = ONE) -> dict[str, Any]:
    """What the metric gives where the segmenter finds one cat, in this mask."""
    preset = Preset("fake", "told", NOWHERE, NOWHERE, NOWHERE, LpipsSource("none"))
    evaluators = Evaluators(preset, torch.device("cpu"), batch_size=8)
    evaluators.segmenter = Told(Segmentation(found.astype(np.int32), {1: 0}))
    evaluators.embeddings = {preset.comparison.view.embedding: Alike()}
    ((row,),) = Scorer(evaluators, []).values([PictureJob(scene, prompt, picture)], [configure("metrics", metric)])[
        metric
    ]
    return dict(row)


@pytest.fixture
def scene() -> Scene:
    """A cat that lies, lit from the right: (180 - 60) / (180 + 60) = .5."""
    return Scene("cat", two_sided(60, 180), (Concept("cat", bar(0), "[v1]"),))


@pytest.mark.parametrize(("left", "right", "expected"), [(60, 180, 1), (180, 60, -1), (100, 100, 0), (90, 150, 0.5)])
def test_light_is_a_share_of_the_scenes(scene: Scene, left: int, right: int, expected: float) -> None:
    row = values("light-direction", scene, two_sided(left, right), bar(90))
    assert row["light_kept"] == pytest.approx(expected)
    assert row["light_in_scene"] == pytest.approx(0.5)
    assert row["light_in_picture"] == pytest.approx(0.5 * expected)
    assert row["light_reason"] == ""


def test_the_light_is_that_of_the_segment_and_not_of_what_lies_beside_it(scene: Scene) -> None:
    picture, found = two_sided(255, 0), bar(0, 8, 4)
    picture[found] = two_sided(60, 180)[found]
    assert values("light-direction", scene, picture, found)["light_kept"] == pytest.approx(1)


@pytest.mark.parametrize("turn", [0, 10, 20, 45, 60, 90])
def test_a_turn_is_read_in_degrees_whichever_way_it_goes(scene: Scene, turn: int) -> None:
    for sense in (1, -1):
        row = values("pose", scene, scene.picture, bar(sense * turn))
        assert row["pose_difference"] == pytest.approx(turn, abs=1)
        assert row["axis_in_picture"] == pytest.approx(sense * turn % 180, abs=1)
        assert row["pose_reason"] == ""


@pytest.mark.parametrize(("one", "other", "apart"), [(10, 30, 20), (170, 10, 20), (0, 90, 90), (5, 100, 85), (7, 7, 0)])
def test_axes_are_apart_by_at_most_a_right_angle(one: float, other: float, apart: float) -> None:
    assert axis_difference(one, other) == axis_difference(other, one) == apart


METRICS = {"light-direction": ("light_kept", "light_reason"), "pose": ("pose_difference", "pose_reason")}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("case", "light", "pose"),
    [
        ("nothing", "no 'cat' found in the picture", "no 'cat' found in the picture"),
        (
            "a speck",
            "the 'cat' found is too small or too dark to have two sides",
            "the 'cat' found is too small or about as long as wide",
        ),
        ("no mask", "the mask of 'cat' in the scene is empty", "the mask of 'cat' in the scene is empty"),
        ("unknown", "segmenter does not know 'dog'", "segmenter does not know 'dog'"),
        ("plain", "'cat' is not lit from one side in the scene", "'cat' is about as long as wide in the scene"),
        ("background", "the background is not an object with sides", "the background is not an object with an axis"),
    ],
)
def test_what_cannot_be_told_is_missing_with_its_reason(
    scene: Scene, metric: str, case: str, light: str, pose: str
) -> None:
    picture, found, prompt, cat = two_sided(60, 180), bar(0), ONE, scene.concepts[0]
    if case == "nothing":
        found = found & ~found
    elif case == "a speck":
        found = found & bar(0, 0.5, 0.5)
        assert found.sum() == 4
    elif case == "no mask":
        scene = replace(scene, concepts=(replace(cat, mask=cat.mask & ~cat.mask),))
    elif case == "unknown":
        scene = replace(scene, concepts=(replace(cat, label="dog"),))
    elif case == "plain":
        scene = replace(scene, picture=two_sided(100, 110), concepts=(replace(cat, mask=bar(0, 9, 9)),))
    else:
        scene, prompt = with_background(scene), Prompt("{tokens}", (1,))
    row = values(metric, scene, picture, found, prompt)
    value, reason = METRICS[metric]
    assert math.isnan(row[value])
    assert row[reason] == (light if metric == "light-direction" else pose)


def test_a_black_or_narrow_object_has_no_sides_and_a_round_one_no_axis() -> None:
    assert math.isnan(side_difference(two_sided(0, 0), bar(0)))
    assert math.isnan(side_difference(two_sided(60, 180), bar(90, 15, 0.5) & (np.arange(SIDE) == SIDE // 2)))
    assert math.isnan(long_axis(bar(30, 9, 9)))
