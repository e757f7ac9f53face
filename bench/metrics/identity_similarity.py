"""Identity similarity: how similar a concept is in the scene and in the picture, and whether it was found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from bench.api import Column, Feature, Grain, ScoringBatch, Value, alternative_column

if TYPE_CHECKING:
    from bench.api import ConceptMatch, ConceptMatches


@dataclass(frozen=True)
class Metric:
    """The cosine of an embedding's features of a concept in the scene and of what was found for it in the picture.

    The preset sets the embedding, the fill, the framing and which objects are compared (instances); each of its
    alternatives, which change one of these settings, adds a column. A concept that is not found has no value, but a
    reason; where the preset compares whole pictures, nothing needs to be found, and `detected` alone says what was. The
    background is compared with all that the segmenter leaves without the objects.
    """

    summary: ClassVar[str] = "cosine of a concept's features in scene and picture, and the share of concepts found"
    source: ClassVar[str] = "Break-A-Scene, section 4.1 and B.2; black masks: issue 32 of google/break-a-scene"
    grain: ClassVar[Grain] = "concept"
    needs: ClassVar[tuple[Feature, ...]] = ("segments", "identity")
    columns: ClassVar[tuple[Column, ...]] = (
        Column(
            "identity_similarity",
            "cosine of the concept's features in the scene and in the picture, by the preset's embedding, fill and "
            "framing (paper: DINO, alone on black); NaN with a reason if not found",
            better="higher",
            range=(-1.0, 1.0),
            source=source,
            reason="reason",
        ),
        Column(
            "detected",
            "share of the prompted concepts that are found, of those whose class the segmenter knows; None where it "
            "cannot tell",
            better="higher",
            range=(0.0, 1.0),
            source="SceneBench: what identity similarity silently leaves out in Break-A-Scene",
            label="detection-rate",
            pooled=True,
            reason="reason",
        ),
        Column("reason", "why identity_similarity is NaN, else empty"),
        Column(
            "identity_whole_picture",
            "cosine of the whole picture's features with the concept's; NaN if its mask is empty",
        ),
    )

    def columns_of(self, preset: Mapping[str, Any]) -> tuple[Column, ...]:
        """The columns and those of the preset's alternatives, which are NaN exactly where `identity_similarity` is.

        But where whole pictures are compared, one of objects alone is NaN wherever the concept is not found.
        """
        own, *others = self.columns
        alternatives = (
            Column(alternative_column(setting), f"identity_similarity with {setting}", range=own.range)
            for setting in preset["alternatives"]
        )
        return (own, *others, *alternatives)

    def score(self, batch: ScoringBatch) -> Sequence[Mapping[str, Value]]:
        """One row of values per picture and prompted concept."""
        matches = batch.matches
        return [_values(match, matches) for some in matches.by_picture for match in some]


def _values(match: ConceptMatch, matches: ConceptMatches) -> dict[str, Value]:
    detected, reason = match.verdict()
    similarities: dict[str, Value] = {
        column: math.nan if reason else matches.similarity(match, comparison)
        for column, comparison in matches.comparisons.items()
    }
    whole = matches.whole_picture_similarity(match)
    return {**similarities, "detected": detected, "reason": reason, "identity_whole_picture": whole}
