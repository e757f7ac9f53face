"""Light direction: whether a concept that is lit from one side in the scene is lit from that side in the picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from bench.api import SMALLEST_SHAPE, Column, Feature, Grain, ImageArray, Mask, ScoringBatch, Value

if TYPE_CHECKING:
    from bench.api import ConceptMatch

LIT = 0.15
"""From this difference of its sides on, in the scene, a concept counts as lit from one side."""
LUMA = (0.299, 0.587, 0.114)
"""Rec. 601's weights of red, green and blue."""


@dataclass(frozen=True)
class Metric:
    """How much of a scene's light from one side the concept keeps: 1 as in the scene, 0 none, -1 from the other side.

    The difference of its right and left side's mean brightness, over their sum, in the picture as a share of that in
    the scene. Sides are left and right of the middle of the concept's mask, and of the segment found for it. What a
    concept's own colours do to its sides counts as light.
    """

    summary: ClassVar[str] = "how much of the scene's light from one side a concept keeps: 1 all, 0 none"
    source: ClassVar[str] = "SceneBench: a number for Break-A-Scene's Figure 8 (a), inconsistent lighting"
    grain: ClassVar[Grain] = "concept"
    needs: ClassVar[tuple[Feature, ...]] = ("segments", "identity")
    columns: ClassVar[tuple[Column, ...]] = (
        Column(
            "light_kept",
            "the concept's light from one side as a share of that in the scene: 1 it is learned, 0 there is none, -1 "
            "it comes from the other side; NaN with a reason if not found or not lit from one side in the scene",
            better="lower",
            source=source,
            pooled=True,
            reason="light_reason",
        ),
        Column("light_reason", "why light_kept is NaN, else empty"),
        Column("light_in_scene", "how much brighter the concept's right side is: difference over sum, in [-1, 1]"),
        Column("light_in_picture", "the same of the object found in the picture"),
    )

    def score(self, batch: ScoringBatch) -> Sequence[Mapping[str, Value]]:
        """One row of values per picture and prompted concept."""
        return [_values(match, batch) for some in batch.matches.by_picture for match in some]


def _values(match: ConceptMatch, batch: ScoringBatch) -> dict[str, Value]:
    scene, picture = math.nan, math.nan
    _, reason = match.verdict()
    if not reason:
        scene = side_difference(match.scene.picture_of(match.index), match.concept.mask)
        picture = side_difference(match.detections.job.picture, batch.found_mask(match))
        reason = _obstacle(match.concept.is_background, match.concept.label, scene, picture)
    kept = math.nan if reason else picture / scene
    return {"light_kept": kept, "light_reason": reason, "light_in_scene": scene, "light_in_picture": picture}


def _obstacle(is_background: bool, label: str, scene: float, picture: float) -> str:
    if is_background:
        return "the background is not an object with sides"
    if math.isnan(scene) or abs(scene) < LIT:
        return f"'{label}' is not lit from one side in the scene"
    return f"the '{label}' found is too small or too dark to have two sides" if math.isnan(picture) else ""


def side_difference(picture: ImageArray, mask: Mask) -> float:
    """How much brighter the right side of a mask [H, W] is than its left one: difference over sum, in [-1, 1].

    NaN for a mask below `SMALLEST_SHAPE`, one without two sides, and one that is black.
    """
    if mask.mean() < SMALLEST_SHAPE:
        return math.nan
    columns = np.nonzero(mask)[1]
    brightness = picture[mask].astype(np.float64) @ np.array(LUMA)
    left, right = brightness[columns < columns.mean()], brightness[columns > columns.mean()]
    if not len(left) or not len(right) or left.mean() + right.mean() == 0:
        return math.nan
    return float((right.mean() - left.mean()) / (right.mean() + left.mean()))
