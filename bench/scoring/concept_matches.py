"""Who is who in pictures: the identity and leakage columns of every concept that was asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from bench.core.scenes import Concept, Scene
from bench.scoring.comparison import FeatureComparison, Instances
from bench.scoring.features import Embeddings, FeatureCache, FeatureKey, ReferenceFeatures
from bench.scoring.instance_assignment import InstanceAssignment, swapped
from bench.scoring.models.segmenter import Segmentation, Segments
from bench.scoring.presets import Preset
from bench.scoring.rows import IdentityColumns, PictureJob


@dataclass(frozen=True, eq=False)
class Detections:
    """A picture of the batch, by its number: its job and the found segments of the classes of its scene's concepts.

    `classes` has one a concept of the scene (None: unknown to the segmenter), `objects` one a segment.
    """

    number: int
    job: PictureJob
    classes: tuple[int | None, ...]
    segments: tuple[int, ...]
    objects: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ConceptMatch:
    """A concept that a picture was asked for, and who is who there."""

    detections: Detections
    assignment: InstanceAssignment
    index: int

    @property
    def scene(self) -> Scene:
        """The scene of the picture's prompt."""
        return self.detections.job.scene

    @property
    def concept(self) -> Concept:
        """The concept itself."""
        return self.scene.concepts[self.index]

    def chosen(self, instances: Instances) -> tuple[int, ...]:
        """The segments that are compared with the concept: of those found for it, largest first; () of none."""
        found = self.assignment.found_for(self.index)
        if instances == "best":
            found = tuple(sorted(found, key=lambda number: -self.assignment.similarities[number, self.index]))
        kept = found if instances == "union" else found[:1]
        return tuple(self.detections.segments[number] for number in kept)

    def look(self, comparison: FeatureComparison) -> FeatureKey:
        """What is compared with the concept."""
        return FeatureKey(self.detections.number, self.chosen(comparison.instances), comparison.view)

    def verdict(self) -> tuple[bool | None, str]:
        """Whether it is detected (None: the segmenter cannot tell), and why it has no identity similarity, else ''."""
        label, known = self.concept.label, self.detections.classes[self.index]
        if known is None:
            return None, f"segmenter does not know '{label}'"
        if known not in self.detections.objects:
            return False, f"no '{label}' found in the picture"
        if not self.assignment.found_for(self.index):
            return False, f"no second '{label}' found: all are more like another one that was asked for"
        return True, "" if self.concept.mask.any() else f"the mask of '{label}' in the scene is empty"


class Identities:
    """Compares what is found in pictures with the scenes' concepts, as a preset's comparisons say.

    One object stands for one concept: of several concepts of one class in a prompt, each gets the objects that are
    more like it than like the others, and is not detected if there are none. A concept that has its class to itself
    gets all objects of it, so it is detected whenever its class is.
    """

    def __init__(self, preset: Preset, segmenter: Segments, embeddings: Embeddings, batch_size: int) -> None:
        self._comparisons = preset.comparisons
        self._own = preset.comparison
        self._apart = preset.comparison.view.apart
        self._segmenter = segmenter
        self._embeddings = embeddings
        self._batch_size = batch_size
        self._references = ReferenceFeatures(embeddings)

    def columns(self, jobs: Sequence[PictureJob], segmentations: Sequence[Segmentation]) -> list[list[IdentityColumns]]:
        """A list a picture, with one entry a concept of its prompt; each has the alternatives' columns as well."""
        features = FeatureCache([job.picture for job in jobs], segmentations, self._embeddings, self._batch_size)
        pairs = zip(jobs, segmentations, strict=True)
        all_detections = [self._crowd(number, job, segmentation) for number, (job, segmentation) in enumerate(pairs)]
        features.take(
            look for detections in all_detections for look in [*self._objects(detections), self._whole(detections)]
        )
        matches = [self._cases(detections, features) for detections in all_detections]
        features.take(look for some in matches for match in some for look in self._compared(match))
        return [[self._entry(match, features) for match in some] for some in matches]

    def _crowd(self, number: int, job: PictureJob, segmentation: Segmentation) -> Detections:
        classes = tuple(self._segmenter.class_index(concept.label) for concept in job.scene.concepts)
        found = [
            (segment, index)
            for index in dict.fromkeys(classes)
            if index is not None
            for segment in segmentation.segments(index)
        ]
        return Detections(number, job, classes, tuple(s for s, _ in found), tuple(index for _, index in found))

    def _objects(self, detections: Detections) -> list[FeatureKey]:
        """Each object by itself."""
        return [FeatureKey(detections.number, (segment,), self._apart) for segment in detections.segments]

    def _whole(self, detections: Detections) -> FeatureKey:
        return FeatureKey(detections.number, (), self._own.view.whole)

    def _cases(self, detections: Detections, features: FeatureCache) -> list[ConceptMatch]:
        references = self._references.of(detections.job.scene, self._apart)
        similarities = torch.empty(0, len(references))
        if detections.segments:
            similarities = features.features(self._objects(detections)) @ references.T
        asked = detections.job.prompt.subset
        assignment = InstanceAssignment(detections.classes, asked, detections.objects, similarities.double().numpy())
        return [ConceptMatch(detections, assignment, concept) for concept in asked]

    def _compared(self, match: ConceptMatch) -> Iterator[FeatureKey]:
        """Every look that the entry of a case needs beside the objects by themselves; none if nothing was found."""
        if match.assignment.found_for(match.index):
            yield self._object(match)
            if match.concept.mask.any():
                yield from (match.look(comparison) for comparison in self._comparisons.values())

    def _object(self, match: ConceptMatch) -> FeatureKey:
        """The object found for a concept, told apart from others."""
        return match.look(FeatureComparison(self._apart, self._own.instances))

    def _entry(self, match: ConceptMatch, features: FeatureCache) -> IdentityColumns:
        detected, reason = match.verdict()
        # Any: the columns of the alternatives are the preset's.
        columns: Any = {
            **self._identities(match, reason, features),
            "detected": detected,
            "reason": reason,
            "identity_whole_picture": self._value(match, self._whole(match.detections), self._own, features),
            **_leaks(match, self._row_of_matrix(match, features) if detected else None),
        }
        entry: IdentityColumns = columns
        return entry

    def _identities(self, match: ConceptMatch, reason: str, features: FeatureCache) -> dict[str, float]:
        """The value of each comparison by its column; NaN for all of them where there is a reason."""
        return {
            column: math.nan if reason else self._value(match, match.look(comparison), comparison, features)
            for column, comparison in self._comparisons.items()
        }

    def _value(
        self, match: ConceptMatch, look: FeatureKey, comparison: FeatureComparison, features: FeatureCache
    ) -> float:
        """The cosine of a look with the concept; NaN if the concept's mask is empty."""
        reference = self._references.of(match.scene, comparison.view)[match.index]
        return float(features.features([look])[0] @ reference)

    def _row_of_matrix(self, match: ConceptMatch, features: FeatureCache) -> list[float]:
        """The cosines of the object found for a concept with every concept of the scene."""
        references = self._references.of(match.scene, self._apart)
        cosines: list[float] = (references @ features.features([self._object(match)])[0]).tolist()
        return cosines


def _leaks(match: ConceptMatch, row: list[float] | None) -> dict[str, Any]:
    """The columns of leakage; `row` is the concept's row of the matrix, None where it is not detected."""
    intruders = match.assignment.intruders()
    instances = None if match.detections.classes[match.index] is None else len(match.assignment.being(match.index))
    return {
        "instances": instances,
        "duplicated": None if row is None or instances is None else instances > 1,
        "swapped": None if row is None else swapped(row, match.index),
        "similarity_to": row,
        "intruded": None if intruders is None else bool(intruders),
        "intruders": "+".join(map(str, intruders or ())),
    }
