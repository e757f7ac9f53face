"""The rules of Break-A-Scene's dataset (B.2) as pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from bench.core.geometry import Square, centred_square
from bench.core.scenes import Mask
from bench.data.coco.index import Annotation
from bench.data.coco.masks import Rle

DROPPED = frozenset({"orange", "banana", "broccoli", "carrot", "zebra", "giraffe"})
"""COCO classes whose members are hard to tell from each other (B.2)."""
COVERAGE = Fraction(3, 20)
"""Each concept's least share of the square picture (B.2: 15 %), exact."""
FEWEST_CONCEPTS, MOST_CONCEPTS = 2, 4
"""A scene has at least two concepts of distinct classes (B.2) and at most four (section 4.1)."""
CROWDED = 6
"""The most concepts of scenes that show what more than four do (section 5, limitation c)."""


@dataclass(frozen=True)
class SelectionCriteria:
    """The criteria for an image: classes (None: all but the dropped ones), minimum and maximum number of concepts.

    `coverage` is each concept's least share of the square picture. With
    `repeated_classes` a scene may have several concepts of a class.
    """

    classes: frozenset[str] | None = None
    fewest: int = FEWEST_CONCEPTS
    most: int = MOST_CONCEPTS
    coverage: Fraction = COVERAGE
    repeated_classes: bool = False

    def allows(self, label: str) -> bool:
        """Whether instances of this class may be concepts."""
        return label not in DROPPED if self.classes is None else label in self.classes


BREAK_A_SCENE = SelectionCriteria()


@dataclass(frozen=True, eq=False)
class Instance:
    """An annotation that fills enough of the crop: class word, mask at the original size, pixels inside."""

    annotation: Annotation
    label: str
    rle: Rle
    pixels: int


def fills(pixels: float, side: int, coverage: Fraction = COVERAGE) -> bool:
    """Whether this many pixels are at least this share of a square; exact, in integers."""
    return pixels * coverage.denominator >= coverage.numerator * side * side


def largest_of_each_class(instances: Sequence[Instance]) -> list[Instance]:
    """The largest instance of each class inside the crop (the one with the smaller annotation id if equal)."""
    largest: dict[str, Instance] = {}
    for instance in by_size(instances):
        largest.setdefault(instance.label, instance)
    return list(largest.values())


def by_size(instances: Sequence[Instance]) -> list[Instance]:
    """Instances by size inside the crop, largest first; ties by annotation id, so the file's order does not matter."""
    return sorted(instances, key=lambda one: (-one.pixels, one.annotation.id))


def best_square(
    width: int,
    height: int,
    labels: Sequence[str],
    masks: Sequence[Mask],
    criteria: SelectionCriteria = BREAK_A_SCENE,
) -> Square:
    """The square window of full height or width that keeps most of the concepts.

    Most concepts that fill enough of it, at most as many as a scene has and of distinct classes unless classes may
    repeat, come first; then most of their pixels; then the place nearest to the centre, then the smaller offset.
    `masks` are [height, width].
    """
    centre = centred_square(width, height)
    long_axis = 1 if width >= height else 0
    inside = _pixels_by_offset(masks, long_axis, centre.side)
    filling = np.where(fills_array(inside, centre.side, criteria.coverage), inside, 0)
    kept = np.sort(filling if criteria.repeated_classes else _by_class(labels, filling), axis=0)
    kept = kept[::-1][: criteria.most]
    from_centre = np.abs(np.arange(inside.shape[1]) - max(centre.left, centre.top))
    offset = int(np.lexsort((from_centre, -kept.sum(axis=0), -(kept > 0).sum(axis=0)))[0])
    return Square(offset, 0, centre.side) if long_axis == 1 else Square(0, offset, centre.side)


def fills_array(pixels: npt.NDArray[np.int64], side: int, coverage: Fraction) -> npt.NDArray[np.bool_]:
    """`fills` elementwise."""
    return np.asarray(pixels * coverage.denominator >= coverage.numerator * side * side)


def _pixels_by_offset(masks: Sequence[Mask], axis: int, side: int) -> npt.NDArray[np.int64]:
    """The number of pixels of every mask in every window along the long axis, [masks, offsets]."""
    lines = np.stack([mask.sum(axis=1 - axis, dtype=np.int64) for mask in masks])
    ends = np.concatenate([np.zeros((len(masks), 1), dtype=np.int64), lines.cumsum(axis=1)], axis=1)
    return np.asarray(ends[:, side:] - ends[:, : ends.shape[1] - side])


def _by_class(labels: Sequence[str], inside: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The largest instance of each class at every offset [classes, offsets]."""
    classes = sorted(set(labels))
    rows = [[k for k, label in enumerate(labels) if label == name] for name in classes]
    return np.stack([inside[row].max(axis=0) for row in rows])
