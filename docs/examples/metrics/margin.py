"""A metric of each concept, by what the evaluators found in the picture."""

from dataclasses import dataclass
from typing import ClassVar

from bench.api import Column, ConceptMatch, ConceptMatches, Feature, Grain, ScoringBatch, Value


@dataclass(frozen=True)
class Metric:
    """How much more the object found for a concept is like that concept than like any other of the scene."""

    summary: ClassVar[str] = "likeness of an object to its own concept, less that to the next one"
    source: ClassVar[str] = "docs/api.md"
    grain: ClassVar[Grain] = "concept"
    needs: ClassVar[tuple[Feature, ...]] = ("segments", "identity")
    columns: ClassVar[tuple[Column, ...]] = (
        Column(
            "margin",
            "cosine with the own concept less the highest with another; None where there is none",
            better="higher",
            range=(-2.0, 2.0),
            source=source,
            reason="margin_reason",
        ),
        Column("margin_reason", "why margin is None, else empty"),
    )

    def score(self, batch: ScoringBatch) -> list[dict[str, Value]]:
        matches = batch.matches
        return [_values(matches, match) for of_picture in matches.by_picture for match in of_picture]


def _values(matches: ConceptMatches, match: ConceptMatch) -> dict[str, Value]:
    detected, reason = match.verdict()
    if not detected:
        return {"margin": None, "margin_reason": reason}
    similarities = matches.similarity_to_all(match)
    own = similarities.pop(match.index)
    if not similarities:
        return {"margin": None, "margin_reason": "the scene has no other concept"}
    return {"margin": own - max(similarities), "margin_reason": ""}
