"""Background copy: how much of the scene's background came along, seen with all objects blacked out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from bench.core.scenes import BACKGROUND, Mask, Scene
from bench.scoring.models.identity import IdentityFeatures
from bench.scoring.models.segmenter import Segmentation, Segments
from bench.scoring.rows import PictureJob
from bench.scoring.views import masked


@dataclass(frozen=True)
class Copy:
    """The cosine of a picture's and its scene's complements; NaN where `reason` says why."""

    value: float
    reason: str


class BackgroundCopy:
    """Compares complements by a preset's identity model: what is left once the objects are black.

    The scene's objects are its concepts (but the one called `background`), the picture's every object found of the
    class of one of them. Of a scene of several pictures the one that the picture is most like counts.
    """

    def __init__(self, model: IdentityFeatures, segmenter: Segments) -> None:
        self._model = model
        self._segmenter = segmenter
        self._scenes: WeakKeyDictionary[Scene, Tensor] = WeakKeyDictionary()

    def copies(self, jobs: Sequence[PictureJob], segmentations: Sequence[Segmentation]) -> list[Copy]:
        """One value a picture, in [-1, 1]; 1 is the scene's very background."""
        pairs = [self._left(job, segmentation) for job, segmentation in zip(jobs, segmentations, strict=True)]
        shown = {k: masked(jobs[k].picture, left) for k, (left, reason) in enumerate(pairs) if not reason}
        features = self._model.features(list(shown.values())) if shown else torch.empty(0)
        values = {k: self._value(jobs[k].scene, feature) for k, feature in zip(shown, features, strict=True)}
        return [Copy(values.get(k, math.nan), reason) for k, (_, reason) in enumerate(pairs)]

    def _left(self, job: PictureJob, segmentation: Segmentation) -> tuple[Mask, str]:
        """What of the picture is no object [H, W], and the reason why that cannot be compared, else empty."""
        concepts = job.scene.concepts
        classes = {one.label: self._segmenter.class_index(one.label) for one in concepts if one.label != BACKGROUND}
        found = [segment for index in classes.values() if index is not None for segment in segmentation.segments(index)]
        left = ~segmentation.mask(found)
        if any(concepts[index].label == BACKGROUND for index in job.prompt.subset):
            return left, "the prompt asks for the background"
        return left, _obstacle(classes) or _nothing_left(left, "picture") or self._scene_obstacle(job.scene)

    def _scene_obstacle(self, scene: Scene) -> str:
        known = not self._features(scene).isnan().all()
        return "" if known else "nothing is left of the scene without its concepts"

    def _value(self, scene: Scene, feature: Tensor) -> float:
        return float((self._features(scene) @ feature).nan_to_num(-2.0).max())

    def _features(self, scene: Scene) -> Tensor:
        """Features of the complement of each of the scene's pictures, [pictures, width]; NaN where nothing is left."""
        if scene not in self._scenes:
            self._scenes[scene] = torch.stack([self._complement(scene, k) for k in range(len(scene.pictures))])
        return self._scenes[scene]

    def _complement(self, scene: Scene, number: int) -> Tensor:
        picture = scene.pictures[number]
        left = np.ones(picture.shape[:2], dtype=np.bool_)
        for concept in (scene.concepts[index] for index in scene.concepts_by_image[number]):
            left &= ~concept.mask | (concept.label == BACKGROUND)
        feature = self._model.features([masked(picture, left)])[0]
        return feature if left.any() else torch.full_like(feature, math.nan)


def _obstacle(classes: Mapping[str, int | None]) -> str:
    unknown = [label for label, index in classes.items() if index is None]
    return f"segmenter does not know '{unknown[0]}': it cannot be blacked out" if unknown else ""


def _nothing_left(left: Mask, where: str) -> str:
    return "" if left.any() else f"nothing is left of the {where} without its objects"
