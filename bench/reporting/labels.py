"""Where the names of a plot's points stand, so that they touch neither each other nor a point."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

DIRECTIONS = 16
RINGS = 12
"""How many distances from its point are tried around it, before any free place is taken."""
GRID = 60
FARTHER = 0.4
"""What a label's next distance weighs against touching one error bar."""


@dataclass(frozen=True)
class Box:
    """A rectangle by its sides, in pixels or points; `low` and `high` are those of the vertical axis."""

    left: float
    low: float
    right: float
    high: float

    def touches(self, other: Box) -> bool:
        """Whether the two have more than an edge in common."""
        return self.left < other.right and other.left < self.right and self.low < other.high and other.low < self.high

    def within(self, other: Box) -> bool:
        """Whether the other holds all of it."""
        return (
            other.left <= self.left and self.right <= other.right and other.low <= self.low and self.high <= other.high
        )

    @classmethod
    def around(cls, x: float, y: float, width: float, height: float) -> Box:
        """Of that size, with its centre at (x, y)."""
        return cls(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def place_labels(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    bounds: Box,
    gap: float,
    avoided: Sequence[Box] = (),
) -> tuple[Box | None, ...]:
    """A place for the label of each point, of its size (width, height), within `bounds`.

    No label touches another, or comes nearer than `gap` to a point. It is near its own point, and on few of the
    `avoided` (error bars); where there is no room around the point it takes the nearest free place, and None where
    there is none at all.
    """
    taken = [Box.around(*point, 2 * gap, 2 * gap) for point in points]
    placed: list[Box | None] = []
    for point, size in zip(points, sizes, strict=True):
        found = _place(point, size, bounds, gap, taken, avoided)
        placed.append(found)
        if found:
            taken.append(found)
    return tuple(placed)


def _place(
    point: tuple[float, float],
    size: tuple[float, float],
    bounds: Box,
    gap: float,
    taken: Sequence[Box],
    avoided: Sequence[Box],
) -> Box | None:
    def is_free(box: Box) -> bool:
        return box.within(bounds) and not any(map(box.touches, taken))

    near = [
        (sum(map(box.touches, avoided)) + FARTHER * ring, box)
        for ring, boxes in enumerate(_rings(point, size, gap))
        for box in boxes
        if is_free(box)
    ]
    if near:
        return min(near, key=lambda costed: costed[0])[1]
    return min(filter(is_free, _grid(size, bounds)), key=lambda box: _distance(box, point), default=None)


def _rings(point: tuple[float, float], size: tuple[float, float], gap: float) -> Iterator[list[Box]]:
    """Boxes around the point, at growing distances from it."""
    (x, y), (width, height) = point, size
    for ring in range(1, RINGS + 1):
        away = gap * (0.6 + 0.5 * ring)
        angles = [math.tau * step / DIRECTIONS for step in range(DIRECTIONS)]
        around = [(math.cos(angle) * (away + width / 2), math.sin(angle) * (away + height / 2)) for angle in angles]
        # A corner of the label towards the point: between the bars of a cross through it.
        across, up = 0.7 * away + width / 2, 0.7 * away + height / 2
        corners = [(across, up), (across, -up), (-across, up), (-across, -up)]
        yield [Box.around(x + right, y + above, width, height) for right, above in [*corners, *around]]


def _grid(size: tuple[float, float], bounds: Box) -> Iterator[Box]:
    """Boxes all over the plot."""
    width, height = size
    for x in np.linspace(bounds.left + width / 2, bounds.right - width / 2, GRID):
        for y in np.linspace(bounds.low + height / 2, bounds.high - height / 2, GRID):
            yield Box.around(float(x), float(y), width, height)


def _distance(box: Box, point: tuple[float, float]) -> float:
    return math.dist(((box.left + box.right) / 2, (box.low + box.high) / 2), point)


def edge_towards(box: Box, point: tuple[float, float]) -> tuple[float, float]:
    """The point of a box that is nearest to `point`: where a line from it ends."""
    return min(max(point[0], box.left), box.right), min(max(point[1], box.low), box.high)


def leader(
    box: Box, point: tuple[float, float], points: Sequence[tuple[float, float]], gap: float
) -> tuple[float, float] | None:
    """Where a line from the point to its label ends; None where nobody would take the label for another point's."""

    def away(other: tuple[float, float]) -> float:
        return math.dist(edge_towards(box, other), other)

    own = away(point)
    if own <= 2 * gap and all(away(other) > 1.5 * own for other in points if other != point):
        return None
    return edge_towards(box, point)
