"""Features of objects in pictures and of concepts in scenes, each computed once, in batches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from bench.core.scenes import ImageArray, Scene
from bench.scoring.comparison import Embedding, RegionView
from bench.scoring.models.identity import IdentityFeatures
from bench.scoring.models.segmenter import Segmentation
from bench.scoring.threads import parallel_map
from bench.scoring.views import render_view

Embeddings = Mapping[Embedding, IdentityFeatures]
"""The loaded models of a preset's views."""


@dataclass(frozen=True)
class FeatureKey:
    """Identifies a feature: a view of some segments, taken together, of one picture of a batch (by its index)."""

    picture: int
    segments: tuple[int, ...]
    view: RegionView


class FeatureCache:
    """Features of one batch of pictures: each view of the same segments is embedded once."""

    def __init__(
        self,
        pictures: Sequence[ImageArray],
        segmentations: Sequence[Segmentation],
        embeddings: Embeddings,
        batch_size: int,
    ) -> None:
        self._pictures = pictures
        self._segmentations = segmentations
        self._embeddings = embeddings
        self._batch_size = batch_size
        self._features: dict[FeatureKey, Tensor] = {}

    def take(self, keys: Iterable[FeatureKey]) -> None:
        """Compute the features that are not known yet, at most `batch_size` at a time."""
        new = [key for key in dict.fromkeys(map(_plain, keys)) if key not in self._features]
        for embedding, model in self._embeddings.items():
            own = [key for key in new if key.view.embedding == embedding]
            for start in range(0, len(own), self._batch_size):
                batch = own[start : start + self._batch_size]
                self._features.update(zip(batch, model.features(parallel_map(self._shown, batch)), strict=True))

    def features(self, keys: Sequence[FeatureKey]) -> Tensor:
        """Normalised features computed by `take`, all of one embedding, [N, width], N at least 1."""
        return torch.stack([self._features[_plain(key)] for key in keys])

    def _shown(self, key: FeatureKey) -> ImageArray:
        found = self._segmentations[key.picture]
        mask, box = found.mask(key.segments), found.box(key.segments)
        return render_view(self._pictures[key.picture], mask, key.view, box)


def _plain(key: FeatureKey) -> FeatureKey:
    """The key without irrelevant parts: the view of a whole picture does not depend on the segments."""
    return replace(key, segments=()) if key.view.is_whole else key


class ReferenceFeatures:
    """Features of the scenes' own concepts, cached as long as their scene lives."""

    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings
        self._known: WeakKeyDictionary[Scene, dict[RegionView, Tensor]] = WeakKeyDictionary()

    def of(self, scene: Scene, view: RegionView) -> Tensor:
        """Features of every concept, by its mask in its picture, [concepts, width]; NaN where the mask is empty."""
        known = self._known.setdefault(scene, {})
        if view not in known:
            known[view] = self._compute(scene, view)
        return known[view]

    def _compute(self, scene: Scene, view: RegionView) -> Tensor:
        model = self._embeddings[view.embedding]
        # One at a time, so that a score does not depend on what else was computed.
        return torch.stack([self._concept(model, scene, index, view) for index in range(len(scene.concepts))])

    @staticmethod
    def _concept(model: IdentityFeatures, scene: Scene, index: int, view: RegionView) -> Tensor:
        picture, mask = scene.picture_of(index), scene.concepts[index].mask
        if not mask.any():
            return torch.full_like(model.features([picture])[0], math.nan)
        return model.features([render_view(picture, mask, view)])[0]
