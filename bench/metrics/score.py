"""Scores of pictures: the metric columns of the table, one row a picture and concept of its prompt."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypedDict
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from bench.diffusion.device import resolve_device
from bench.metrics.identity_similarity import IdentityFeatures, masked
from bench.metrics.lpips_diversity import Diversity, LpipsDiversity
from bench.metrics.presets import Preset
from bench.metrics.prompt_similarity import PromptSimilarity
from bench.metrics.segment import Segmentation, Segmenter, Segments
from bench.metrics.yolo import YoloSegmenter
from bench.scenes import Concept, Mask, Picture, Prompt, Scene

SEGMENTERS: dict[str, Callable[[Preset, torch.device], Segments]] = {
    "maskformer": Segmenter.load,
    "yolo": YoloSegmenter.load,
}


@dataclass(frozen=True, eq=False)
class PictureJob:
    """A picture, uint8 [H, W, 3], drawn for `prompt` of `scene`; its size may differ from the scene's."""

    scene: Scene
    prompt: Prompt
    picture: Picture


class Row(TypedDict):
    """One picture and concept; the columns are described in `bench.table.COLUMNS`.

    `detected` is None where the segmenter cannot tell (it does not know the class): such rows are no misses.
    """

    concept: int
    label: str
    preset: str
    prompt_similarity: float
    identity_similarity: float
    detected: bool | None
    reason: str
    lpips_diversity: float
    diversity_reason: str


@dataclass(frozen=True, eq=False)
class Sighting:
    """What the segmenter says of one concept in one picture: its mask, or the reason why there is none."""

    mask: Mask | None
    detected: bool | None
    reason: str


class Scorer:
    """The evaluators of one preset, loaded once; scenes' own features are computed once and kept.

    A score is a function of scene, prompt and picture alone (diversity: of the prompt's samples among the jobs); the
    batch size moves it by rounding at most.
    """

    def __init__(
        self,
        preset: Preset,
        clip: PromptSimilarity,
        segmenter: Segments,
        identity: IdentityFeatures,
        lpips: LpipsDiversity,
        batch_size: int,
    ) -> None:
        self.preset = preset
        self._clip = clip
        self._segmenter = segmenter
        self._identity = identity
        self._lpips = lpips
        self._batch_size = batch_size
        self._scenes: WeakKeyDictionary[Scene, Tensor] = WeakKeyDictionary()

    @classmethod
    def load(cls, preset: Preset, device: str = "auto", batch_size: int = 8) -> Scorer:
        """Load a preset's models onto `auto`, `cpu`, `cuda` or `cuda:N`; `UserError` if one cannot be had."""
        where = resolve_device(device)
        return cls(
            preset,
            PromptSimilarity.load(preset.clip, where),
            SEGMENTERS[preset.segmenter_kind](preset, where),
            IdentityFeatures.load(preset, where),
            LpipsDiversity.load(preset.lpips, where, batch_size),
            batch_size,
        )

    def score(self, jobs: Sequence[PictureJob]) -> list[Row]:
        """Rows in the order of the jobs and, within a job, of its prompt's subset of concepts.

        Jobs that differ in the sample alone are the samples of one prompt, so they belong in one call.
        """
        diversities = self._diversities(jobs)
        batches = (slice(start, start + self._batch_size) for start in range(0, len(jobs), self._batch_size))
        return [row for batch in batches for row in self._score(jobs[batch], diversities[batch])]

    def _diversities(self, jobs: Sequence[PictureJob]) -> list[Diversity]:
        """How much the samples of each job's prompt differ: the same for all of them."""
        prompts = [(job.scene, job.prompt.template, job.prompt.subset) for job in jobs]
        samples: dict[tuple[Scene, str, tuple[int, ...]], list[Picture]] = {}
        for prompt, job in zip(prompts, jobs, strict=True):
            samples.setdefault(prompt, []).append(job.picture)
        known = {prompt: self._lpips.diversity(pictures) for prompt, pictures in samples.items()}
        return [known[prompt] for prompt in prompts]

    def _score(self, jobs: Sequence[PictureJob], diversities: Sequence[Diversity]) -> list[Row]:
        texts = [job.scene.text_with_classes(job.prompt) for job in jobs]
        prompt_similarities = self._clip.similarities([job.picture for job in jobs], texts)
        segmentations = self._segmenter.segment([job.picture for job in jobs])
        asked = [(number, concept) for number, job in enumerate(jobs) for concept in job.prompt.subset]
        sightings = [
            self._look(jobs[number].scene.concepts[concept], segmentations[number]) for number, concept in asked
        ]
        identities = self._compare([(jobs[number], concept) for number, concept in asked], sightings)
        return [
            Row(
                concept=concept,
                label=jobs[number].scene.concepts[concept].label,
                preset=self.preset.name,
                prompt_similarity=float(prompt_similarities[number]),
                identity_similarity=identity,
                detected=sighting.detected,
                reason=sighting.reason,
                lpips_diversity=diversities[number].value,
                diversity_reason=diversities[number].reason,
            )
            for (number, concept), sighting, identity in zip(asked, sightings, identities, strict=True)
        ]

    def _look(self, concept: Concept, segmentation: Segmentation) -> Sighting:
        """Find the largest segment of the concept's class."""
        index = self._segmenter.class_index(concept.label)
        if index is None:
            return Sighting(None, None, f"segmenter does not know '{concept.label}'")
        mask = segmentation.largest(index)
        if mask is None:
            return Sighting(None, False, f"no '{concept.label}' found in the picture")
        if not concept.mask.any():
            return Sighting(None, True, f"the mask of '{concept.label}' in the scene is empty")
        return Sighting(mask, True, "")

    def _compare(self, asked: Sequence[tuple[PictureJob, int]], sightings: Sequence[Sighting]) -> list[float]:
        """The cosine of each sighted concept in scene and picture; NaN where there is no mask."""
        seen = [number for number, sighting in enumerate(sightings) if sighting.mask is not None]
        alone = [self._alone(asked[number][0].picture, sightings[number].mask) for number in seen]
        cosines = [math.nan] * len(asked)
        for start in range(0, len(seen), self._batch_size):
            features = self._identity.features(alone[start : start + self._batch_size])
            for number, feature in zip(seen[start : start + self._batch_size], features, strict=True):
                job, concept = asked[number]
                cosines[number] = float(feature @ self._scene_features(job.scene)[concept])
        return cosines

    def _alone(self, picture: Picture, mask: Mask | None) -> Picture:
        assert mask is not None
        return masked(picture, mask, self.preset.mask_fill)

    def _scene_features(self, scene: Scene) -> Tensor:
        """Features of every concept of a scene, masked by its own mask in its own picture, [concepts, width]."""
        if scene not in self._scenes:
            pairs = [(scene.picture_of(index), concept.mask) for index, concept in enumerate(scene.concepts)]
            alone = [masked(picture, mask, self.preset.mask_fill) for picture, mask in pairs]
            self._scenes[scene] = torch.cat([self._identity.features([picture]) for picture in alone])
        return self._scenes[scene]
