"""Drawing one toy: its parts, motif, outline and shading, on a patch of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bench.playroom.world.canvas import RGB
from bench.playroom.world.motifs import MOTIFS
from bench.playroom.world.shapes import SHAPES, Paint, Points, ShapePart
from bench.playroom.world.toys import PALETTE, ToyIdentity

_INK: RGB = (38, 30, 40)
_FIXED: dict[Paint, RGB] = {
    Paint.OUTLINE: _INK,
    Paint.LIGHT: (250, 238, 208),
    Paint.WOOD: (112, 72, 44),
    Paint.BEAK: (246, 150, 40),
}
_AREA = 0.8
"""The area of a toy, with a thin outline, over the square of its size: the same for all classes."""


@dataclass(frozen=True)
class PlacedToy:
    """A toy in a scene.

    `x` and `y` are its centre and `size` about its width, in units of the picture's side; `angle` in degrees
    turns it clockwise; `flip` mirrors it left to right. `light` in [-1, 1] is a second light, from the left (below 0)
    or the right: 0 at the toy's middle, that share brighter or darker at its sides.
    """

    identity: ToyIdentity
    x: float
    y: float
    size: float
    angle: float = 0.0
    flip: bool = False
    light: float = 0.0


@dataclass(frozen=True)
class Patch:
    """A drawn toy: pixels [h, w, 3], opacity [h, w], and where its upper left corner lies on the canvas."""

    pixels: NDArray[np.uint8]
    solid: NDArray[np.bool_]
    left: int
    top: int


def _sketch(parts: list[ShapePart], width: float, extent: tuple[int, int]) -> NDArray[np.uint8]:
    """The paint indices [h, w] of parts in pixels, on an `extent` (w, h), with outlines of `width` pixels."""
    image = Image.new("L", extent)
    pen = ImageDraw.Draw(image)
    for part in parts:
        outlines = [[(float(x), float(y)) for x, y in points] for points in part.polygons]
        for corners in outlines if part.outlined else []:
            pen.line([*corners, *corners[:2]], fill=Paint.OUTLINE, width=round(width), joint="curve")
        for corners in outlines:
            pen.polygon(corners, fill=part.paint)
    return np.asarray(image)


@cache
def _scale(class_name: str) -> float:
    """What a class's shape is enlarged by, so that all classes cover the same area."""
    side = 256
    parts = [_moved(part, np.eye(2) * side / 2, side / 2) for part in SHAPES[class_name](0.5)]
    covered = float((_sketch(parts, 0.06 * side / 2, (side, side)) > 0).mean()) * 4
    return math.sqrt(_AREA / covered)


def _moved(part: ShapePart, matrix: NDArray[np.float64], centre: NDArray[np.float64] | float) -> ShapePart:
    """The part with its points mapped by the matrix and then shifted."""
    moved: tuple[Points, ...] = tuple(points @ matrix.T + centre for points in part.polygons)
    return ShapePart(part.paint, moved, part.outlined)


def _frame(toy: PlacedToy) -> NDArray[np.float64]:
    """The matrix [2, 2] from the toy's own frame to units of the picture: stretch, mirror, enlarge, turn."""
    identity = toy.identity
    stretch = math.sqrt(identity.aspect)
    scale = toy.size * _scale(identity.class_name)
    turn = math.radians(toy.angle)
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return rotation @ np.diag([scale * stretch * (-1 if toy.flip else 1), scale / stretch])


def _palette(identity: ToyIdentity) -> NDArray[np.float32]:
    """The colour [7, 3] of each paint; on a plain toy the second colour is a darker first one."""
    first, second = PALETTE[identity.first], PALETTE[identity.second]
    dim = 0.72 if identity.first == identity.second else 1.0
    table = np.zeros((len(Paint), 3), dtype=np.float32)
    for paint, colour in _FIXED.items():
        table[paint] = colour
    table[Paint.MOTIF] = first
    table[Paint.SECOND] = np.array(second) * dim
    return table


def paint_toy(toy: PlacedToy, canvas_size: int) -> Patch:
    """The toy on a patch of a canvas of `canvas_size` pixels per side, cropped at its edges."""
    matrix = _frame(toy) * canvas_size
    centre = np.array((toy.x, toy.y)) * canvas_size
    width = (0.03 + 0.035 * toy.size) * canvas_size
    parts = [_moved(part, matrix, centre) for part in SHAPES[toy.identity.class_name](toy.identity.detail)]
    corners = np.concatenate([points for part in parts for points in part.polygons])
    start = (corners.min(axis=0) - width).clip(0, canvas_size - 1).astype(int)
    end = (corners.max(axis=0) + width + 1).clip(1, canvas_size).astype(int)
    shifted = [_moved(part, np.eye(2), -start.astype(np.float64)) for part in parts]
    indices = _sketch(shifted, width, (int(end[0] - start[0]), int(end[1] - start[1])))
    rows, columns = np.ogrid[: indices.shape[0], : indices.shape[1]]
    x = (columns + (start[0] + 0.5 - centre[0])).astype(np.float32)
    y = (rows + (start[1] + 0.5 - centre[1])).astype(np.float32)
    pixels = _coloured(toy.identity, indices, (x, y), np.linalg.inv(matrix).astype(np.float32))
    across = x / (toy.size * canvas_size)
    pixels *= (_light(across, y / (toy.size * canvas_size)) * _side_light(across, toy.light))[:, :, None]
    return Patch(pixels.clip(0, 255).astype(np.uint8), indices > 0, int(start[0]), int(start[1]))


def _coloured(
    identity: ToyIdentity,
    indices: NDArray[np.uint8],
    offsets: tuple[NDArray[np.float32], NDArray[np.float32]],
    inverse: NDArray[np.float32],
) -> NDArray[np.float32]:
    """The pixels [h, w, 3] of paint indices [h, w]; the motif lives in the toy's own frame."""
    x, y = offsets
    u = (inverse[0, 0] * x + inverse[0, 1] * y) * np.float32(identity.repeat)
    v = (inverse[1, 0] * x + inverse[1, 1] * y) * np.float32(identity.repeat)
    second = (indices == Paint.MOTIF) & MOTIFS[identity.motif](u, v)
    return _palette(identity)[np.where(second, np.uint8(Paint.SECOND), indices)]


def _light(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Soft light from the upper left: the factor on each pixel, offsets in units of the toy's size."""
    away = (x + 0.2) ** 2 + (y + 0.25) ** 2
    return np.asarray(1.12 - 0.42 * np.minimum(away, 0.8), dtype=np.float32)


def _side_light(x: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
    """Light from one side: the factor on each pixel by its column, offsets in units of the toy's size; 1 without."""
    return np.asarray(1 + strength * (2 * x).clip(-1, 1), dtype=np.float32)
