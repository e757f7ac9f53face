"""Evaluates the segmenter on held-out drawn scenes: regions, toys found and false alarms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.playroom.evaluate.common import HELD_OUT, HitRate, PlayroomEvaluators, held_out, toy_names, watched
from bench.playroom.train.data import SIZE
from bench.playroom.train.maskformer import LABELS
from bench.playroom.world.scene import Drawing, ToyScene, draw, sample_scene
from bench.playroom.world.toys import CLASSES, Appearance
from bench.scoring.models.segmenter import Segmentation

VISIBLE = 40
"""Minimum number of pixels (of 64 x 64) of a toy that counts as shown."""
RESAMPLES = 2_000
Counts = NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """The segmenter's results: intersection and union pixels [13] per scene, toys found and false alarms."""

    both: list[Counts] = field(default_factory=list)
    either: list[Counts] = field(default_factory=list)
    toys: list[bool] = field(default_factory=list)
    alarms: list[bool] = field(default_factory=list)

    def add(self, scene: ToyScene, drawing: Drawing, found: Segmentation) -> None:
        """Add the comparison of one scene's ground truth with its segments."""
        names, there = toy_names(found), [toy.identity.class_name for toy in scene.toys]
        self.alarms.append(bool(names - set(there)))
        shown = zip(there, drawing.masks, strict=True)
        self.toys.extend(name in names for name, mask in shown if mask.sum() >= VISIBLE)
        true = [drawing.masks[[name == each for each in there]].any(axis=0) for name in CLASSES]
        guess = [_region(found, name) for name in CLASSES]
        pairs = list(zip(true, guess, strict=True))
        self.both.append(np.array([(one & other).sum() for one, other in pairs], np.float64))
        self.either.append(np.array([(one | other).sum() for one, other in pairs], np.float64))


def maskformer_figures(evaluators: PlayroomEvaluators, count: int) -> dict[str, Any]:
    """Figures on `count` held-out scenes of seen appearance, of unseen appearance, and of one toy each.

    `*_mean_iou`: mean over classes of the IoU of predicted and true visible class region, pooled over scenes, with a
    seeded percentile bootstrap over scenes. `*_found`: toys that show in at least 40 pixels of which a segment of
    their class was found. `*_false_alarms`: scenes with a segment of a class that is not there.
    `one_toy_false_alarms`: the same in scenes of one toy of seen appearance in one of the ten contexts, as in the
    prompts for the base model.
    """
    return {
        **_figures(evaluators, count, "seen"),
        **_figures(evaluators, count, "unseen"),
        "one_toy_false_alarms": HitRate.of(_one_toy_alarms(evaluators, count)).describe(),
    }


def _figures(evaluators: PlayroomEvaluators, count: int, appearance: Appearance) -> dict[str, Any]:
    seen = Seen()
    for scene, drawing in watched(list(held_out(count, appearance)), f"MaskFormer: {appearance} looks"):
        seen.add(scene, drawing, evaluators.segmenter.segment([drawing.picture])[0])
    return {
        f"{appearance}_mean_iou": describe_iou(np.array(seen.both), np.array(seen.either)),
        f"{appearance}_found": HitRate.of(seen.toys).describe(),
        f"{appearance}_false_alarms": HitRate.of(seen.alarms).describe(),
    }


def _one_toy_alarms(evaluators: PlayroomEvaluators, count: int) -> Iterator[bool]:
    for number in watched(range(count), "MaskFormer: lone toys"):
        scene = sample_scene(np.random.default_rng([HELD_OUT, 8, number]), count=1)
        found = evaluators.classes(draw(scene, SIZE).picture)
        yield bool(found - {scene.toys[0].identity.class_name})


def _region(found: Segmentation, name: str) -> NDArray[np.bool_]:
    segments = [segment for segment, kind in found.classes.items() if kind == LABELS.index(name)]
    return np.isin(found.ids, segments)


def describe_iou(both: Counts, either: Counts) -> dict[str, Any]:
    """Mean IoU over classes and its interval, from pixels [scenes, classes] in both and in either region.

    Percentile bootstrap of 2,000 resamples of scenes, seeded; a class that a resample lacks is left out of its mean.
    """
    count = len(both)
    rng = np.random.default_rng(0)
    weights = rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    low, high = np.quantile([_mean_iou(each @ both, each @ either) for each in weights], (0.025, 0.975))
    return {
        "value": round(_mean_iou(both.sum(axis=0), either.sum(axis=0)), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "n": count,
        "method": "percentile bootstrap over scenes",
    }


def _mean_iou(both: Counts, either: Counts) -> float:
    there = either > 0
    return float((both[there] / either[there]).mean())
