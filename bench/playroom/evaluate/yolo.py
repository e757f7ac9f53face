"""Evaluates YOLO-seg on held-out scenes: mask mAP50, by COCO's own evaluation."""

from __future__ import annotations

import contextlib
import dataclasses
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from bench.core.masks import mask_iou
from bench.core.scenes import ImageArray
from bench.playroom.evaluate.common import HitRate, held_out, watched
from bench.playroom.train.data import SIZE
from bench.playroom.world.toys import CLASSES, Appearance
from bench.scoring.models.sources import ModelSource
from bench.scoring.models.yolo import YoloSegmenter
from bench.scoring.presets import find_preset

LEAST_CONFIDENCE = 0.001
"""Minimum confidence of a detection: precision is averaged over all recalls, as in ultralytics and COCO."""
MATCH = 0.5
"""Minimum IoU of an instance's mask with the toy's."""
RESAMPLES = 200
FEWEST_PIXELS = 8
"""Minimum number of visible pixels of a toy that should be found."""
Instances = tuple[NDArray[np.float64], NDArray[np.bool_]]
"""Boxes [N, 6] and masks [N, H, W] of one picture, as `YoloSegmenter.instances` gives them."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A held-out picture: classes [N] and visible masks [N, 64, 64] of its toys."""

    picture: ImageArray
    classes: tuple[int, ...]
    masks: NDArray[np.bool_]


def yolo_figures(folder: Path, count: int) -> dict[str, Any]:
    """Mask mAP50 on `count` held-out scenes of seen and as many of unseen appearance.

    Each has a 95 % interval: percentiles of a seeded bootstrap over scenes. It has no width where every scene is
    perfect; `*_found`, the toys found at the preset's own confidence, then says how sure that is. Raises `UserError`
    if the folder holds no YOLO or ultralytics is missing.
    """
    preset = dataclasses.replace(
        find_preset("playroom-yolo"), segmenter=ModelSource(str(folder)), score_threshold=LEAST_CONFIDENCE
    )
    segmenter = YoloSegmenter.load(preset, torch.device("cpu"))
    figures: dict[str, Any] = {}
    for appearance in ("seen", "unseen"):
        shown = list(_shown(count, appearance))
        instances = [segmenter.instances(each.picture) for each in watched(shown, f"YOLO: {appearance} appearance")]
        figures[f"yolo_{appearance}_map50"] = map50(shown, instances)
        figures[f"yolo_{appearance}_found"] = found(shown, instances).describe()
    return figures


def found(shown: list[Shown], instances: list[Instances]) -> HitRate:
    """Toys of which an instance of their class, confident enough for the preset, has a mask IoU of .5 or more."""
    least = find_preset("playroom-yolo").score_threshold
    return HitRate.of(
        any(
            box[4] >= least and box[5] == kind and mask_iou(mask, true) >= MATCH
            for box, mask in zip(*told, strict=True)
        )
        for each, told in zip(shown, instances, strict=True)
        for kind, true in zip(each.classes, each.masks, strict=True)
    )


def map50(shown: list[Shown], instances: list[Instances]) -> dict[str, float]:
    """Mean over classes of the average precision at a mask IoU of .5, with its interval and the number of scenes.

    `instances` are each picture's, as `YoloSegmenter.instances` gives them: down to any confidence.
    """
    evaluation: Any = _evaluated(_annotations(_true(shown)), _annotations(_told(instances)), len(shown))
    of_all = list(evaluation.evalImgs)
    rng = np.random.default_rng(0)
    resampled = [_accumulated(evaluation, of_all, rng.integers(len(shown), size=len(shown))) for _ in range(RESAMPLES)]
    low, high = np.percentile(resampled, (2.5, 97.5))
    value = _accumulated(evaluation, of_all, np.arange(len(shown)))
    return {"value": round(value, 4), "low": round(float(low), 4), "high": round(float(high), 4), "n": len(shown)}


def _shown(count: int, appearance: Appearance) -> Iterator[Shown]:
    for scene, drawing in held_out(count, appearance):
        seen = [k for k in range(len(scene.toys)) if drawing.masks[k].sum() >= FEWEST_PIXELS]
        classes = tuple(CLASSES.index(scene.toys[k].identity.class_name) for k in seen)
        yield Shown(drawing.picture, classes, drawing.masks[seen])


def _true(shown: list[Shown]) -> Iterator[dict[str, Any]]:
    for number, each in enumerate(shown):
        for kind, mask in zip(each.classes, each.masks, strict=True):
            yield {"image_id": number, "category_id": kind, **_encoded(mask)}


def _told(instances: list[Instances]) -> Iterator[dict[str, Any]]:
    for number, told in enumerate(instances):
        for box, mask in zip(*told, strict=True):
            yield {"image_id": number, "category_id": int(box[5]), "score": float(box[4]), **_encoded(mask)}


def _encoded(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """The mask as COCO's run-length code, with its area."""
    code: Any = rle.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"segmentation": code, "area": int(mask.sum()), "iscrowd": 0}


def _annotations(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """COCO annotations with ids from 1, since COCO's evaluation uses 0 for "no match"."""
    return [{"id": index, **record} for index, record in enumerate(records, start=1)]


def _evaluated(truth: list[dict[str, Any]], told: list[dict[str, Any]], scenes: int) -> Any:
    """COCO's evaluation at IoU .5, areas of all sizes, each picture and class matched."""
    images = [{"id": number, "height": SIZE, "width": SIZE} for number in range(scenes)]
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES)]
    with contextlib.redirect_stdout(io.StringIO()):
        # Any: the stubs want typed dictionaries where the library takes any
        sides: Any = COCO(), COCO()
        for side, annotations in zip(sides, (truth, told), strict=True):
            side.dataset = {"images": images, "categories": categories, "annotations": annotations}
            side.createIndex()
        evaluation: Any = COCOeval(sides[0], sides[1], "segm")
        evaluation.params.iouThrs = np.array([MATCH])
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
    return evaluation


def _accumulated(evaluation: Any, of_all: list[Any], chosen: NDArray[np.int64]) -> float:
    """The mean average precision of these pictures, some of them perhaps several times.

    `of_all` holds each class's pictures one after the other, so a resample is taken within every class.
    """
    pictures = len(evaluation.params.imgIds)
    evaluation.evalImgs = [of_all[kind * pictures + number] for kind in range(len(CLASSES)) for number in chosen]
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.accumulate()
    precision = evaluation.eval["precision"][0, :, :, 0, -1]
    by_class = precision[:, (precision > -1).all(axis=0)].mean(axis=0)
    return float(by_class.mean())
