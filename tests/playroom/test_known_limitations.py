"""Toys whose light and turn are known read as they must: the real scorer, the package's checkpoints, drawn scenes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.core.scenes import Prompt
from bench.playroom.world.coco import CocoSpec, pool_scene
from bench.playroom.world.ground_truth import as_benchmark_scene, redrawn
from bench.playroom.world.scene import PlacedToy, ToyScene, draw
from bench.plugins.metric import PictureJob
from bench.plugins.spec import configure
from bench.scoring.presets import find_preset
from bench.scoring.scorer import Scorer

SCENES, SIZE = 8, 64
LIT, TURNED = CocoSpec(toys=(2,), light=0.7), CocoSpec(toys=(2,), turn=20)
Redraw = Callable[[PlacedToy, PlacedToy], PlacedToy]
"""How a toy is drawn anew: of the toy at its new place, and in the scene."""


def measured(spec: CocoSpec, metric: str, cases: dict[str, Redraw]) -> pd.DataFrame:
    """The scores of the first toy of each scene, drawn anew alone, by case."""
    jobs = []
    for number in range(1, SCENES + 1):
        world = pool_scene(spec, number)
        scene = as_benchmark_scene(f"scene-{number}", world, SIZE)
        rng = np.random.default_rng(number)
        for index, toy in enumerate(world.toys):
            anew = redrawn([toy.identity], "in the snow", rng)
            for redraw in cases.values():
                picture = draw(replace(anew, toys=(redraw(anew.toys[0], toy),)), SIZE).picture
                jobs.append(PictureJob(scene, Prompt("a photo of {tokens} in the snow", (index,)), picture))
    scorer = Scorer.load(find_preset("playroom"), "cpu", metrics=[configure("metrics", metric)])
    return pd.DataFrame(scorer.score(jobs)).assign(case=[*cases] * (2 * SCENES))


def test_the_light_that_stays_is_one_from_the_other_side_minus_one_and_none_zero() -> None:
    table = measured(
        LIT,
        "light-direction",
        {
            "same": lambda new, toy: replace(new, light=toy.light),
            "half": lambda new, toy: replace(new, light=toy.light / 2),
            "none": lambda new, _: new,
            "other": lambda new, toy: replace(new, light=-toy.light),
        },
    )
    found = table.groupby("case")["light_kept"].agg(["mean", "count"])
    assert found["count"].min() >= 10
    # Measured, 28 of 30 toys: 1.07, .55, .01 and -1.05, standard deviations of .2 to .3.
    for case, expected in {"same": 1, "half": 0.5, "none": 0, "other": -1}.items():
        assert found["mean"][case] == pytest.approx(expected, abs=0.2)


def test_a_turn_that_stays_is_near_zero_and_one_that_is_lost_is_the_turn() -> None:
    def turned(by: float) -> Redraw:
        return lambda new, toy: replace(new, flip=toy.flip, angle=toy.angle + by * np.sign(-toy.angle))

    table = measured(TURNED, "pose", {"same": turned(0), "half": turned(10), "lost": turned(20)})
    found = table.groupby("case")["pose_difference"].agg(["median", "count"])
    assert found["count"].min() >= 10
    for case, expected in {"same": 0, "half": 10, "lost": 20}.items():
        assert found["median"][case] == pytest.approx(expected, abs=3)


@pytest.mark.parametrize("metric", ["light-direction", "pose"])
def test_a_picture_without_toys_has_no_value(metric: str) -> None:
    world = pool_scene(LIT, 1)
    empty = draw(ToyScene((), "in the snow", 0), SIZE).picture
    scene = as_benchmark_scene("scene", world, SIZE)
    scorer = Scorer.load(find_preset("playroom"), "cpu", metrics=[configure("metrics", metric)])
    rows = pd.DataFrame(scorer.score([PictureJob(scene, Prompt("a photo of {tokens}", (0, 1)), empty)]))
    column, reason = {"light-direction": ("light_kept", "light_reason"), "pose": ("pose_difference", "pose_reason")}[
        metric
    ]
    assert rows[column].isna().all()
    assert rows[reason].str.startswith("no '").all()
