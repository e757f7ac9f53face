"""Pose: by how many degrees the long axis of a concept differs between the scene and the picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench.api import SMALLEST_SHAPE, Column, Feature, Grain, Mask, ScoringBatch, Value, principal_axis

if TYPE_CHECKING:
    from bench.api import ConceptMatch

LONG = 1.2
"""A concept has a long axis if it is at least so much longer than wide."""


@dataclass(frozen=True)
class Metric:
    """The angle between the long axes of a concept's mask and of the segment found for it: 0 is the scene's own pose.

    An axis has no head: an object on its head has its old axis. Axes that have nothing to do with each other differ by
    45 degrees on average.
    """

    summary: ClassVar[str] = "degrees between a concept's long axes in scene and picture: 0 is the same pose"
    source: ClassVar[str] = "SceneBench: a number for Break-A-Scene's Figure 8 (b), pose fixation"
    grain: ClassVar[Grain] = "concept"
    needs: ClassVar[tuple[Feature, ...]] = ("segments", "identity")
    columns: ClassVar[tuple[Column, ...]] = (
        Column(
            "pose_difference",
            "angle between the concept's long axes in scene and picture: 0 where the scene's pose is learned, 45 on "
            "average by chance; NaN with a reason if not found or not longer than wide",
            better="higher",
            range=(0.0, 90.0),
            unit="degrees",
            source=source,
            pooled=True,
            reason="pose_reason",
        ),
        Column("pose_reason", "why pose_difference is NaN, else empty"),
        Column("axis_in_scene", "direction of the concept's long axis, clockwise from the horizontal", unit="degrees"),
        Column("axis_in_picture", "the same of the object found in the picture", unit="degrees"),
    )

    def score(self, batch: ScoringBatch) -> Sequence[Mapping[str, Value]]:
        """One row of values per picture and prompted concept."""
        return [_values(match, batch) for some in batch.matches.by_picture for match in some]


def _values(match: ConceptMatch, batch: ScoringBatch) -> dict[str, Value]:
    scene, picture = math.nan, math.nan
    _, reason = match.verdict()
    if not reason:
        scene, picture = long_axis(match.concept.mask), long_axis(batch.found_mask(match))
        reason = _obstacle(match.concept.is_background, match.concept.label, scene, picture)
    return {
        "pose_difference": math.nan if reason else axis_difference(scene, picture),
        "pose_reason": reason,
        "axis_in_scene": scene,
        "axis_in_picture": picture,
    }


def _obstacle(is_background: bool, label: str, scene: float, picture: float) -> str:
    if is_background:
        return "the background is not an object with an axis"
    if math.isnan(scene):
        return f"'{label}' is about as long as wide in the scene"
    return f"the '{label}' found is too small or about as long as wide" if math.isnan(picture) else ""


def long_axis(mask: Mask) -> float:
    """The direction of a mask's [H, W] long axis, in degrees in [0, 180).

    NaN for a mask below `SMALLEST_SHAPE`, and for one about as long as wide.
    """
    angle, elongation = principal_axis(mask)
    return angle if mask.mean() >= SMALLEST_SHAPE and elongation >= LONG else math.nan


def axis_difference(one: float, other: float) -> float:
    """The angle between two axes given in degrees, 0 to 90."""
    apart = abs(one - other) % 180
    return min(apart, 180 - apart)
