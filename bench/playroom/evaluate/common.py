"""Shared code of the evaluations: held-out scenes, the evaluators, and figures with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from scipy.stats import binomtest
from torch import Tensor
from torch.nn.functional import normalize
from transformers import CLIPModel, ViTModel

from bench.core.progress import progress_bar
from bench.core.scenes import ImageArray, Mask
from bench.playroom.train.data import SIZE
from bench.playroom.train.maskformer import LABELS
from bench.playroom.world.scene import Drawing, ToyScene, draw, sample_scene
from bench.playroom.world.toys import CLASSES, Appearance
from bench.scoring.models.model_loading import load_model, load_processor, load_tokenizer
from bench.scoring.models.segmenter import Segmentation, Segmenter
from bench.scoring.presets import Preset
from bench.stats.intervals import mean_interval

Item = TypeVar("Item")

HELD_OUT = 1_000_003
"""The seed of all evaluation scenes; no training scene derives from it."""


@dataclass(frozen=True)
class HitRate:
    """`hits` of `total`, with Wilson's 95 % interval."""

    hits: int
    total: int

    @classmethod
    def of(cls, outcomes: Iterable[bool]) -> HitRate:
        """The hit rate of a sequence of outcomes."""
        known = list(outcomes)
        return cls(sum(map(bool, known)), len(known))

    @property
    def rate(self) -> float:
        """The share, four decimals."""
        return round(self.hits / self.total, 4)

    def describe(self) -> dict[str, float]:
        """The share, the interval and the count, for the card."""
        interval = binomtest(self.hits, self.total).proportion_ci(method="wilson")
        low, high = (round(float(end), 4) for end in (interval.low, interval.high))
        return {"rate": self.rate, "low": low, "high": high, "n": self.total}


def describe_mean(values: Sequence[float], limits: tuple[float, float] = (-1.0, 1.0)) -> dict[str, Any]:
    """The mean of scene means, none of them NaN, with the benchmark's own interval (Student t below 30 scenes)."""
    interval = mean_interval(values, limits)
    ends = {} if interval is None else {"low": round(interval.low, 4), "high": round(interval.high, 4)}
    method = {} if interval is None else {"method": f"{interval.method} over scenes"}
    return {"value": round(float(np.mean(values)), 4), **ends, "n": len(values), **method}


@dataclass(frozen=True, eq=False)
class PlayroomEvaluators:
    """The evaluators of Playroom with their processors."""

    segmenter: Segmenter
    clip: Any
    clip_processor: Any
    tokenizer: Any
    vit: ViTModel
    vit_processor: Any
    _said: dict[tuple[str, ...], Tensor] = field(default_factory=dict)

    def find(self, picture: ImageArray, class_name: str) -> Mask | None:
        """The largest segment of the class, bool [H, W], or None."""
        return self.segmenter.segment([picture])[0].largest(LABELS.index(class_name))

    def classes(self, picture: ImageArray) -> set[str]:
        """The classes of which the segmenter finds a segment."""
        return toy_names(self.segmenter.segment([picture])[0])

    @torch.no_grad()
    def likeness(self, picture: ImageArray, texts: list[str]) -> Tensor:
        """Cosine of the picture with each text, [N]."""
        pixels = self.clip_processor(picture, return_tensors="pt").pixel_values.to(self.clip.device)
        shown = self.clip.get_image_features(pixel_values=pixels).pooler_output
        return (self._embed(tuple(texts)) @ normalize(shown, dim=-1).T)[:, 0].cpu()

    def _embed(self, texts: tuple[str, ...]) -> Tensor:
        """Normalised text embeddings [N, width]; those of the same texts are cached for the next picture."""
        if texts not in self._said:
            tokens = self.tokenizer(list(texts), padding="max_length", truncation=True, return_tensors="pt")
            said = self.clip.get_text_features(**tokens.to(self.clip.device)).pooler_output
            self._said[texts] = normalize(said, dim=-1)
        return self._said[texts]

    @torch.no_grad()
    def identity(self, pictures: list[ImageArray]) -> Tensor:
        """Normalised CLS tokens of black-masked toys, [N, width]."""
        pixels = self.vit_processor(pictures, return_tensors="pt").pixel_values.to(self.vit.device)
        return normalize(self.vit(pixel_values=pixels).last_hidden_state[:, 0], dim=-1).cpu()


def toy_names(found: Segmentation) -> set[str]:
    """The class names of the segments, without the background."""
    return {LABELS[index] for index in found.classes.values()} & set(CLASSES)


def load_evaluators(preset: Preset, device: torch.device) -> PlayroomEvaluators:
    """Load the preset's models; raises `UserError` if a checkpoint is not available."""
    return PlayroomEvaluators(
        Segmenter.load(preset, device),
        load_model(CLIPModel, preset.clip, device),
        load_processor(preset.clip),
        load_tokenizer(preset.clip),
        load_model(ViTModel, preset.identity, device, add_pooling_layer=False),
        load_processor(preset.identity),
    )


def watched(items: Sequence[Item], what: str) -> Iterator[Item]:
    """Yield the items with a progress bar."""
    with progress_bar(what, len(items)) as progress:
        for item in items:
            yield item
            progress.advance()


def held_out(count: int, appearance: Appearance, **options: Any) -> Iterator[tuple[ToyScene, Drawing]]:
    """Drawn scenes with seeds that no training uses; `options` are passed to `sample_scene`."""
    for number in range(count):
        scene = sample_scene(
            np.random.default_rng([HELD_OUT, appearance == "seen", number]), appearance=appearance, **options
        )
        yield scene, draw(scene, SIZE)
