"""The input of metrics: pictures to score together, and their shared features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from bench.core.errors import UserError
from bench.core.scenes import Concept, ImageArray, Mask, Scene
from bench.plugins.metric import Feature, PictureJob

if TYPE_CHECKING:
    from torch import Tensor

    from bench.scoring.concept_matches import ConceptMatch, ConceptMatches
    from bench.scoring.evaluators import Evaluators
    from bench.scoring.models.identity import IdentityFeatures
    from bench.scoring.models.lpips import LpipsDiversity
    from bench.scoring.models.segmenter import Segmentation
    from bench.scoring.presets import Preset

Remembered = TypeVar("Remembered")


class SharedFeatures:
    """Features of some pictures, each computed once, when the first metric asks for it."""

    def __init__(self, jobs: Sequence[PictureJob], evaluators: Evaluators) -> None:
        self.jobs = tuple(jobs)
        self.evaluators = evaluators

    @cached_property
    def segmentations(self) -> list[Segmentation]:
        """The segmentation of each picture."""
        return self.evaluators.segmenter.segment([job.picture for job in self.jobs])

    @cached_property
    def image_embeddings(self) -> Tensor:
        """CLIP's normalised embedding of each picture, [N, width]."""
        return self.evaluators.clip.images([job.picture for job in self.jobs])

    @cached_property
    def matches(self) -> ConceptMatches:
        """The assignment of detected objects to concepts."""
        from bench.scoring.concept_matches import ConceptMatches  # noqa: PLC0415 - torch is slow to import

        return ConceptMatches(self.jobs, self.segmentations, self.evaluators)


@dataclass(frozen=True, eq=False)
class ScoringBatch:
    """Pictures to score together, and their features that the metric `metric` declares in `needs`.

    `configured` is the metric with the value of every field, equal for every spelling (`Configured.canonical`).
    Every feature is computed once for all metrics. One that the metric does not declare raises `UserError`, since
    its cached scores would not be invalidated when that feature's model changes.
    """

    metric: str
    configured: str
    needs: tuple[Feature, ...]
    features: SharedFeatures = field(repr=False)

    @property
    def jobs(self) -> tuple[PictureJob, ...]:
        """The pictures, each with its scene and prompt."""
        return self.features.jobs

    @property
    def preset(self) -> Preset:
        """The preset: settings of the evaluator models."""
        return self.features.evaluators.preset

    @property
    def concepts(self) -> list[tuple[PictureJob, Concept]]:
        """Every picture with each of its prompted concepts, in order: the units of a metric of grain `concept`."""
        return [(job, job.scene.concepts[index]) for job in self.jobs for index in job.prompt.subset]

    @cached_property
    def prompts(self) -> list[tuple[PictureJob, ...]]:
        """The samples of each prompt of a unit, in order: the units of a metric of grain `prompt`."""
        found: dict[tuple[str, Scene, str, tuple[int, ...]], list[PictureJob]] = {}
        for job in self.jobs:
            found.setdefault((job.unit, job.scene, job.prompt.template, job.prompt.subset), []).append(job)
        return list(map(tuple, found.values()))

    @property
    def segmentations(self) -> list[Segmentation]:
        """The segmentation of each picture, at its own size (needs `segments`)."""
        self._check("segments")
        return self.features.segmentations

    def class_index(self, word: str) -> int | None:
        """The segmenter's class that a word names; None if it does not know it (needs `segments`)."""
        self._check("segments")
        return self.features.evaluators.segmenter.class_index(word)

    @property
    def image_embeddings(self) -> Tensor:
        """CLIP's normalised embedding of each picture, [N, width] (needs `clip`)."""
        self._check("clip")
        return self.features.image_embeddings

    def text_embeddings(self, texts: Sequence[str]) -> Tensor:
        """CLIP's normalised embeddings of texts, [N, width]; one too long for the model is truncated (needs `clip`)."""
        self._check("clip")
        return self.features.evaluators.clip.texts(texts)

    @property
    def identity_model(self) -> IdentityFeatures:
        """The preset's identity model, for pictures that the metric makes itself (needs `identity`)."""
        self._check("identity")
        return self.features.evaluators.embeddings[self.preset.comparison.view.embedding]

    @property
    def matches(self) -> ConceptMatches:
        """The assignment of objects to concepts, and their similarities (needs `segments` and `identity`)."""
        self._check("segments")
        self._check("identity")
        return self.features.matches

    def found_mask(self, match: ConceptMatch) -> Mask:
        """What was found for a detected concept, as the preset compares it, at the picture's size [H, W]."""
        return self.segmentations[match.detections.number].mask(match.chosen(self.preset.comparison.instances))

    @property
    def lpips(self) -> LpipsDiversity:
        """The preset's LPIPS network (needs `lpips`)."""
        self._check("lpips")
        return self.features.evaluators.lpips

    def once_per_scene(self, scene: Scene, compute: Callable[[], Remembered]) -> Remembered:
        """The result of `compute` for a scene, cached for this metric and its fields as long as the scene lives."""
        return self.features.evaluators.once_per_scene(scene, self.configured, compute)

    def pictures(self) -> list[ImageArray]:
        """The pictures without their scenes and prompts, uint8 [H, W, 3] each."""
        return [job.picture for job in self.jobs]

    def _check(self, feature: Feature) -> None:
        if feature not in self.needs:
            raise UserError(f"the metric {self.metric} uses '{feature}' without naming it in its `needs`: add it there")
