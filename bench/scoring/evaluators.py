"""The evaluator models of a preset, each loaded when first needed, and cached features of scenes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import torch

from bench.core.scenes import Scene
from bench.plugins.metric import Feature
from bench.scoring.features import Embeddings, ReferenceFeatures
from bench.scoring.models.clip_embedder import ClipEmbedder
from bench.scoring.models.identity import IdentityFeatures
from bench.scoring.models.lpips import LpipsDiversity
from bench.scoring.models.segmenter import Segmenter, Segments
from bench.scoring.models.yolo import YoloSegmenter
from bench.scoring.presets import Preset

SEGMENTERS: dict[str, Callable[[Preset, torch.device], Segments]] = {
    "maskformer": Segmenter.load,
    "yolo": YoloSegmenter.load,
}
_MODELS: dict[Feature, str] = {"clip": "clip", "segments": "segmenter", "identity": "embeddings", "lpips": "lpips"}
Remembered = TypeVar("Remembered")


class Evaluators:
    """The models of one preset on a device, which process at most `batch_size` pictures at once."""

    def __init__(self, preset: Preset, device: torch.device, batch_size: int) -> None:
        self.preset = preset
        self.device = device
        self.batch_size = batch_size
        self._scenes: WeakKeyDictionary[Scene, dict[str, Any]] = WeakKeyDictionary()

    def load(self, features: Iterable[Feature]) -> None:
        """Load the models of these features; raises `UserError` if one is not available."""
        for feature in features:
            getattr(self, _MODELS[feature])

    @cached_property
    def clip(self) -> ClipEmbedder:
        """CLIP."""
        return ClipEmbedder.load(self.preset, self.device)

    @cached_property
    def segmenter(self) -> Segments:
        """The preset's segmenter, MaskFormer or YOLO."""
        return SEGMENTERS[self.preset.segmenter_kind](self.preset, self.device)

    @cached_property
    def embeddings(self) -> Embeddings:
        """The identity models: one for each of the preset's comparisons."""
        wanted = dict.fromkeys(comparison.view.embedding for comparison in self.preset.comparisons.values())
        return {embedding: IdentityFeatures.load(embedding, self.device) for embedding in wanted}

    @cached_property
    def references(self) -> ReferenceFeatures:
        """Features of the scenes' own concepts."""
        return ReferenceFeatures(self.embeddings)

    @cached_property
    def lpips(self) -> LpipsDiversity:
        """The preset's LPIPS network."""
        return LpipsDiversity.load(self.preset.lpips, self.device, self.batch_size)

    def once_per_scene(self, scene: Scene, name: str, compute: Callable[[], Remembered]) -> Remembered:
        """The result of `compute`, cached by scene and name as long as the scene lives."""
        known = self._scenes.setdefault(scene, {})
        if name not in known:
            known[name] = compute()
        remembered: Remembered = known[name]
        return remembered
