"""Matches detected objects with concepts, and computes their similarities."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.core.scenes import BACKGROUND, Concept, Scene, without_concepts
from bench.plugins.metric import PictureJob
from bench.scoring.comparison import FeatureComparison, Instances, RegionView
from bench.scoring.features import FeatureCache, FeatureKey
from bench.scoring.instance_assignment import InstanceAssignment
from bench.scoring.models.segmenter import Segmentation

if TYPE_CHECKING:
    from bench.scoring.evaluators import Evaluators


@dataclass(frozen=True, eq=False)
class Detections:
    """The detections in a picture of the batch, by its index: its job and segments of its scene's classes.

    `classes` has one entry per concept of the scene (None: unknown to the segmenter, or the background), `objects` one
    per segment. `left` are the segments that no concept's class and no object named in the prompt has: the background.
    """

    number: int
    job: PictureJob
    classes: tuple[int | None, ...]
    segments: tuple[int, ...]
    objects: tuple[int, ...]
    left: tuple[int, ...] = ()

    def background_verdict(self) -> tuple[bool | None, str]:
        """`ConceptMatch.verdict` of the background: it is there if all else can be taken out and something is left."""
        concepts = zip(self.job.scene.concepts, self.classes, strict=True)
        unknown = [one.label for one, known in concepts if known is None and not one.is_background]
        if unknown:
            return None, f"segmenter does not know '{unknown[0]}': it cannot be taken out of the background"
        return (True, "") if self.left else (False, "nothing is left of the picture without its objects")


@dataclass(frozen=True, eq=False)
class ConceptMatch:
    """A prompted concept of a picture, and the objects assigned to it.

    `is_whole` is whether the preset compares whole pictures, for which nothing needs to be found.
    """

    detections: Detections
    assignment: InstanceAssignment
    index: int
    is_whole: bool = False

    @property
    def scene(self) -> Scene:
        """The scene of the picture's prompt."""
        return self.detections.job.scene

    @property
    def concept(self) -> Concept:
        """The matched concept of the scene."""
        return self.scene.concepts[self.index]

    def chosen(self, instances: Instances) -> tuple[int, ...]:
        """The segments that are compared with the concept, of those found for it, largest first; () if none.

        Of the background it is all that the segmenter leaves.
        """
        if self.concept.is_background:
            return self.detections.left
        found = self.assignment.found_for(self.index)
        if instances == "best":
            found = tuple(sorted(found, key=lambda number: -self.assignment.similarities[number, self.index]))
        kept = found if instances == "union" else found[:1]
        return tuple(self.detections.segments[number] for number in kept)

    def feature_key(self, comparison: FeatureComparison) -> FeatureKey:
        """The key of the feature that is compared with the concept's."""
        return FeatureKey(self.detections.number, self.chosen(comparison.instances), comparison.view)

    def verdict(self) -> tuple[bool | None, str]:
        """Whether it is detected (None: class unknown), and the reason why it has no identity similarity, else ''.

        Where whole pictures are compared (`is_whole`), one that is not detected has an identity similarity too.
        """
        detected, reason = self._detection()
        return detected, "" if self.is_whole and self.concept.mask.any() else reason

    def is_comparable(self, view: RegionView) -> bool:
        """Whether the picture has what this view of the concept is compared with."""
        return bool(self.verdict()[0]) or (self.is_whole and view.is_whole)

    def _detection(self) -> tuple[bool | None, str]:
        if self.concept.is_background:
            return self.detections.background_verdict()
        label, known = self.concept.label, self.detections.classes[self.index]
        if known is None:
            return None, f"segmenter does not know '{label}'"
        if known not in self.detections.objects:
            return False, f"no '{label}' found in the picture"
        if not self.assignment.found_for(self.index):
            return False, f"no second '{label}' found: all are more like another one that was asked for"
        return True, "" if self.concept.mask.any() else f"the mask of '{label}' in the scene is empty"


class ConceptMatches:
    """Compares objects in pictures with the scenes' concepts by a preset's comparisons.

    Each object is assigned to one concept: of several concepts of one class in a prompt, each gets the objects that
    are more similar to it than to the others, and is not detected if there are none. A concept that is the only one of
    its class gets all objects of the class, so it is detected whenever its class is. `by_picture` has a list per
    picture, with one match per concept of its prompt.
    """

    def __init__(
        self, jobs: Sequence[PictureJob], segmentations: Sequence[Segmentation], evaluators: Evaluators
    ) -> None:
        self.comparisons = evaluators.preset.comparisons
        self._own = evaluators.preset.comparison
        self._apart = self._own.view.apart
        self._evaluators = evaluators
        self._features = FeatureCache(
            [job.picture for job in jobs], segmentations, evaluators.embeddings, evaluators.batch_size
        )
        pairs = zip(jobs, segmentations, strict=True)
        detected = [self._detections(number, job, segmentation) for number, (job, segmentation) in enumerate(pairs)]
        self._features.take(key for one in detected for key in [*self._objects(one), self._whole(one)])
        self.by_picture = [self._matches(one) for one in detected]
        self._features.take(key for some in self.by_picture for match in some for key in self._compared(match))

    def similarity(self, match: ConceptMatch, comparison: FeatureComparison) -> float:
        """The cosine of a concept's objects, or of the whole picture, with the concept.

        NaN if its mask is empty, and of objects if it is not detected.
        """
        if not match.is_comparable(comparison.view):
            return math.nan
        return self._cosine(match, match.feature_key(comparison), comparison)

    def whole_picture_similarity(self, match: ConceptMatch) -> float:
        """The cosine of the whole picture with the concept; NaN if the concept's mask is empty."""
        return self._cosine(match, self._whole(match.detections), self._own)

    def similarity_to_all(self, match: ConceptMatch) -> list[float]:
        """The cosines of the object found for a detected concept with every concept of the scene."""
        references = self._evaluators.references.of(match.scene, self._apart)
        cosines: list[float] = (references @ self._features.features([self._object(match)])[0]).tolist()
        return cosines

    def _detections(self, number: int, job: PictureJob, segmentation: Segmentation) -> Detections:
        class_index = self._evaluators.segmenter.class_index
        classes = tuple(None if one.is_background else class_index(one.label) for one in job.scene.concepts)
        found = [
            (segment, index)
            for index in dict.fromkeys(classes)
            if index is not None
            for segment in segmentation.segments(index)
        ]
        segments, objects = tuple(segment for segment, _ in found), tuple(index for _, index in found)
        named = [index for word in _words(job.prompt.template) if (index := class_index(word)) is not None]
        taken_out = {*segments, *(segment for index in named for segment in segmentation.segments(index))}
        left = tuple(segment for segment in np.unique(segmentation.ids).tolist() if segment not in taken_out)
        return Detections(number, job, classes, segments, objects, left)

    def _objects(self, detections: Detections) -> list[FeatureKey]:
        """The feature key of each object by itself."""
        return [FeatureKey(detections.number, (segment,), self._apart) for segment in detections.segments]

    def _whole(self, detections: Detections) -> FeatureKey:
        return FeatureKey(detections.number, (), self._own.view.whole)

    def _matches(self, detections: Detections) -> list[ConceptMatch]:
        references = self._evaluators.references.of(detections.job.scene, self._apart)
        similarities = torch.empty(0, len(references))
        if detections.segments:
            similarities = self._features.features(self._objects(detections)) @ references.T
        asked = detections.job.prompt.subset
        assignment = InstanceAssignment(detections.classes, asked, detections.objects, similarities.double().numpy())
        return [ConceptMatch(detections, assignment, concept, self._own.view.is_whole) for concept in asked]

    def _compared(self, match: ConceptMatch) -> Iterator[FeatureKey]:
        """The feature keys that a match needs besides those of single objects."""
        if match.verdict()[0]:
            yield self._object(match)
        if match.concept.mask.any():
            compared = (one for one in self.comparisons.values() if match.is_comparable(one.view))
            yield from (match.feature_key(comparison) for comparison in compared)

    def _object(self, match: ConceptMatch) -> FeatureKey:
        """The feature key of the object found for a concept, by the view that distinguishes objects."""
        return match.feature_key(FeatureComparison(self._apart, self._own.instances))

    def _cosine(self, match: ConceptMatch, key: FeatureKey, comparison: FeatureComparison) -> float:
        reference = self._evaluators.references.of(match.scene, comparison.view)[match.index]
        return float(self._features.features([key])[0] @ reference)


def _words(template: str) -> set[str]:
    """What a template may name: each of its words, and each two in a row, but not the background's own label."""
    words = without_concepts(template).split()
    return {*words, *map(" ".join, pairwise(words))} - {BACKGROUND}
