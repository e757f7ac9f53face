"""Background copy: how much of the scene's background is copied, measured with all objects blacked out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from bench.api import BACKGROUND, Column, Feature, Grain, Mask, PictureJob, Scene, ScoringBatch, Value, masked

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Metric:
    """The cosine of the backgrounds of a picture and its scene by the preset's identity model: 1 if they are the same.

    A background is what is left without objects: without the scene's concepts (except one called `background`), and
    without all objects of their classes that are found in the picture. Of a scene of several pictures, the most
    similar one counts.
    """

    summary: ClassVar[str] = "how much of the input's background came along: cosine with all objects blacked out"
    source: ClassVar[str] = "SceneBench: methods that repeat their input score high in identity similarity"
    grain: ClassVar[Grain] = "picture"
    needs: ClassVar[tuple[Feature, ...]] = ("segments", "identity")
    columns: ClassVar[tuple[Column, ...]] = (
        Column(
            "background_copy",
            "how much of the input's background came along: cosine of the features of scene and picture, all objects "
            "of the scene's classes blacked out",
            better="lower",
            range=(-1.0, 1.0),
            source=source,
            reason="copy_reason",
        ),
        Column("copy_reason", "why background_copy is NaN, else empty"),
    )

    def score(self, batch: ScoringBatch) -> Sequence[Mapping[str, Value]]:
        """One value per picture, in [-1, 1]; NaN with the reason where there is nothing to compare."""
        left = [_left(batch, number, job) for number, job in enumerate(batch.jobs)]
        shown = {k: masked(batch.jobs[k].picture, mask) for k, (mask, reason) in enumerate(left) if not reason}
        features = batch.identity_model.features(list(shown.values())) if shown else ()
        values = {
            k: _cosine(_scene_features(batch, batch.jobs[k].scene), feature)
            for k, feature in zip(shown, features, strict=True)
        }
        return [
            {"background_copy": values.get(k, math.nan), "copy_reason": reason} for k, (_, reason) in enumerate(left)
        ]


def _left(batch: ScoringBatch, number: int, job: PictureJob) -> tuple[Mask, str]:
    """The mask [H, W] of the picture's background, and the reason why it cannot be compared, else ''."""
    concepts = job.scene.concepts
    classes = {one.label: batch.class_index(one.label) for one in concepts if one.label != BACKGROUND}
    segmentation = batch.segmentations[number]
    found = [segment for index in classes.values() if index is not None for segment in segmentation.segments(index)]
    left = ~segmentation.mask(found)
    if any(concepts[index].label == BACKGROUND for index in job.prompt.subset):
        return left, "the prompt asks for the background"
    return left, _obstacle(classes) or _nothing_left(left) or _scene_obstacle(batch, job.scene)


def _obstacle(classes: Mapping[str, int | None]) -> str:
    unknown = [label for label, index in classes.items() if index is None]
    return f"segmenter does not know '{unknown[0]}': it cannot be blacked out" if unknown else ""


def _nothing_left(left: Mask) -> str:
    return "" if left.any() else "nothing is left of the picture without its objects"


def _scene_obstacle(batch: ScoringBatch, scene: Scene) -> str:
    if not all(concept.mask.any() for concept in scene.concepts):
        return "the masks of the scene are not known: its concepts cannot be blacked out"
    known = not _scene_features(batch, scene).isnan().all()
    return "" if known else "nothing is left of the scene without its concepts"


def _cosine(scene: Tensor, picture: Tensor) -> float:
    return float((scene @ picture).nan_to_num(-2.0).max())


def _scene_features(batch: ScoringBatch, scene: Scene) -> Tensor:
    """Features of the background of each of the scene's pictures, [pictures, width]; NaN where nothing is left."""
    return batch.once_per_scene(scene, lambda: _complements(batch, scene))


def _complements(batch: ScoringBatch, scene: Scene) -> Tensor:
    import torch  # noqa: PLC0415 - drop-ins are listed without it

    return torch.stack([_complement(batch, scene, number) for number in range(len(scene.pictures))])


def _complement(batch: ScoringBatch, scene: Scene, number: int) -> Tensor:
    picture = scene.pictures[number]
    left = np.ones(picture.shape[:2], dtype=np.bool_)
    for concept in (scene.concepts[index] for index in scene.concepts_by_image[number]):
        left &= ~concept.mask | (concept.label == BACKGROUND)
    feature = batch.identity_model.features([masked(picture, left)])[0]
    return feature if left.any() else feature * math.nan
