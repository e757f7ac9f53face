"""Leakage: which of a scene's concepts the detected objects show, and which are missing, swapped or duplicated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench.api import Column, Feature, Grain, ScoringBatch, Value, swapped

if TYPE_CHECKING:
    from bench.api import ConceptMatch


@dataclass(frozen=True)
class Metric:
    """Omission, swap, duplication and intrusion of concepts; reports show rates, no tests compare them."""

    summary: ClassVar[str] = "swapped, duplicated and intruding concepts among the objects found"
    source: ClassVar[str] = "SceneBench: what Break-A-Scene's figures show of its baselines and no number says"
    grain: ClassVar[Grain] = "concept"
    needs: ClassVar[tuple[Feature, ...]] = ("segments", "identity")
    columns: ClassVar[tuple[Column, ...]] = (
        Column(
            "instances",
            "how many objects found are the concept: of all of its class most like it; None: class unknown",
        ),
        Column("duplicated", "whether there are two or more of them; None where the concept is not detected"),
        Column(
            "swapped",
            "whether the object found for the concept is more like another of the scene's; None: cannot be told",
        ),
        Column(
            "similarity_to",
            "cosines of the object found for the concept with every concept of the scene; None: not detected",
        ),
        Column(
            "intruded",
            "whether a concept of the scene that was not asked for is there, one value per picture; None: cannot be",
        ),
        Column("intruders", "the indices of those concepts, as 1+3"),
    )

    def score(self, batch: ScoringBatch) -> Sequence[Mapping[str, Value]]:
        """One row of values per picture and prompted concept."""
        matches = batch.matches
        return [
            _values(match, matches.similarity_to_all(match) if _is_object(match) else None)
            for some in matches.by_picture
            for match in some
        ]


def _is_object(match: ConceptMatch) -> bool:
    """Whether it is detected, and more than the background."""
    return bool(match.verdict()[0]) and not match.concept.is_background


def _values(match: ConceptMatch, similarities: list[float] | None) -> dict[str, Value]:
    """`similarities` is the concept's row of the leakage matrix, None where it is not detected."""
    intruders = match.assignment.intruders()
    known = match.detections.classes[match.index] is not None
    instances = len(match.assignment.being(match.index)) if known else None
    return {
        "instances": instances,
        "duplicated": None if similarities is None or instances is None else instances > 1,
        "swapped": None if similarities is None else swapped(similarities, match.index),
        "similarity_to": similarities,
        "intruded": None if intruders is None else bool(intruders),
        "intruders": "+".join(map(str, intruders or ())),
    }
