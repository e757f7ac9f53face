"""The silhouettes of the toys: filled polygons in a frame about the origin (x to the right, y down)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Pair = tuple[float, float]


class Paint(IntEnum):
    """What a part is filled with; the value is its index in a toy's palette."""

    NOTHING = 0
    OUTLINE = 1
    MOTIF = 2
    SECOND = 3
    LIGHT = 4
    WOOD = 5
    BEAK = 6


@dataclass(frozen=True)
class ShapePart:
    """Polygons [n, 2] painted as one piece: outlined together, then filled; `NOTHING` cuts a hole."""

    paint: Paint
    polygons: tuple[Points, ...]
    outlined: bool = True


def _ellipse(x: float, y: float, width: float, height: float) -> Points:
    """An ellipse of the given half axes."""
    return _arc((x, y), (width, height), (0, 360))[:-1]


def _arc(centre: Pair, radii: Pair, span: Pair) -> Points:
    """An elliptic arc from the first to the second angle of `span`, in degrees (0 = right, 90 = down)."""
    (x, y), (width, height), (start, end) = centre, radii, span
    count = max(6, int(abs(end - start) / 12))
    turn = np.radians(np.linspace(start, end, count + 1))
    return np.stack([x + width * np.cos(turn), y + height * np.sin(turn)], axis=1)


def _box(left: float, top: float, right: float, bottom: float) -> Points:
    """A rectangle."""
    return _points((left, top), (right, top), (right, bottom), (left, bottom))


def _points(*corners: Pair) -> Points:
    """A polygon of the given corners."""
    return np.array(corners, dtype=np.float64)


def _ball(detail: float) -> list[ShapePart]:
    """A disc with a cap of the second colour at its top."""
    cap = _ellipse(0, -0.3, 0.11 + 0.09 * detail, 0.08 + 0.06 * detail)
    return [ShapePart(Paint.MOTIF, (_ellipse(0, 0, 0.5, 0.5),)), ShapePart(Paint.SECOND, (cap,))]


def _star(detail: float) -> list[ShapePart]:
    """A fat five-pointed star; detail: how fat."""
    turn = np.radians(np.arange(10) * 36.0 - 90.0)
    radius = np.where(np.arange(10) % 2 == 0, 0.58, 0.58 * (0.46 + 0.12 * detail))
    return [ShapePart(Paint.MOTIF, (np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1),))]


def _house(detail: float) -> list[ShapePart]:
    """Walls with a door, a roof with eaves and a chimney; detail: where the door is, how steep the roof."""
    top = -0.48 - 0.12 * detail
    door = -0.24 + 0.2 * detail
    return [
        ShapePart(Paint.SECOND, (_box(0.2, -0.52, 0.36, -0.1),)),
        ShapePart(Paint.MOTIF, (_box(-0.42, -0.1, 0.42, 0.5),)),
        ShapePart(Paint.SECOND, (_points((-0.58, -0.06), (0, top), (0.58, -0.06)),)),
        ShapePart(Paint.LIGHT, (_box(door, 0.14, door + 0.24, 0.5),)),
    ]


def _tree(detail: float) -> list[ShapePart]:
    """A fir of two tiers on a wooden trunk; detail: the height of the trunk."""
    foot = 0.24 + 0.12 * (1 - detail)
    tiers = (
        _points((-0.52, foot), (-0.2, -0.12), (0.2, -0.12), (0.52, foot)),
        _points((-0.4, 0.0), (0, -0.62), (0.4, 0.0)),
    )
    return [ShapePart(Paint.WOOD, (_box(-0.11, 0.2, 0.11, 0.58),)), ShapePart(Paint.MOTIF, tiers)]


def _fish(detail: float) -> list[ShapePart]:
    """An oval body looking left, with a tail and a back fin of the second colour; detail: the tail's size."""
    spread = 0.24 + 0.12 * detail
    tail = _points((0.2, 0), (0.62, -spread), (0.5, 0), (0.62, spread))
    fin = _points((-0.2, -0.22), (0.06, -0.48), (0.18, -0.18))
    return [
        ShapePart(Paint.SECOND, (tail,)),
        ShapePart(Paint.SECOND, (fin,)),
        ShapePart(Paint.MOTIF, (_ellipse(-0.12, 0, 0.46, 0.33),)),
        ShapePart(Paint.LIGHT, (_ellipse(-0.36, -0.08, 0.08, 0.08),), outlined=False),
        ShapePart(Paint.OUTLINE, (_ellipse(-0.37, -0.08, 0.045, 0.045),), outlined=False),
    ]


def _mug(detail: float) -> list[ShapePart]:
    """A cup with a rim of the second colour and an open handle on the right; detail: the handle's size."""
    tall = 0.2 + 0.1 * detail
    body = np.concatenate([_points((0.26, -0.42), (-0.48, -0.42)), _arc((-0.11, 0.36), (0.33, 0.12), (180, 0))])
    return [
        ShapePart(Paint.SECOND, (_ellipse(0.26, -0.02, 0.29, tall + 0.08),)),
        ShapePart(Paint.NOTHING, (_ellipse(0.27, -0.02, 0.15, tall - 0.06),)),
        ShapePart(Paint.MOTIF, (body,)),
        ShapePart(Paint.SECOND, (_ellipse(-0.11, -0.42, 0.37, 0.1),)),
    ]


def _car(detail: float) -> list[ShapePart]:
    """A car looking left: cabin with windows, body, two dark wheels; detail: the cabin's length."""
    back = 0.3 + 0.16 * detail
    cabin = _points((-0.34, -0.08), (-0.2, -0.4), (back - 0.1, -0.4), (back, -0.08))
    window = _points((-0.21, -0.1), (-0.13, -0.3), (back - 0.15, -0.3), (back - 0.1, -0.1))
    body = np.concatenate(
        [
            _arc((-0.46, 0.08), (0.16, 0.18), (180, 270)),
            _arc((0.46, 0.06), (0.16, 0.16), (270, 360)),
            _points((0.62, 0.28), (-0.62, 0.28)),
        ]
    )
    wheels = (_ellipse(-0.33, 0.28, 0.17, 0.17), _ellipse(0.33, 0.28, 0.17, 0.17))
    hubs = (_ellipse(-0.33, 0.28, 0.07, 0.07), _ellipse(0.33, 0.28, 0.07, 0.07))
    return [
        ShapePart(Paint.SECOND, (cabin,)),
        ShapePart(Paint.LIGHT, (window,), outlined=False),
        ShapePart(Paint.MOTIF, (body,)),
        ShapePart(Paint.OUTLINE, wheels),
        ShapePart(Paint.LIGHT, hubs, outlined=False),
    ]


def _rocket(detail: float) -> list[ShapePart]:
    """An upright pointed hull with fins, nose of the second colour and a round window; detail: the fins."""
    out = 0.36 + 0.12 * detail
    left, right = (
        _arc((0.36, 0.12), (0.62, 0.78), (180, 234.5)),
        _arc((-0.36, 0.12), (0.62, 0.78), (305.5, 360)),
    )
    hull = np.concatenate([left, right, _points((0.2, 0.48), (-0.2, 0.48))])
    nose = np.concatenate([left[left[:, 1] < -0.2], right[right[:, 1] < -0.2]])
    fins = (
        _points((-0.2, 0.08), (-out, 0.4), (-out, 0.62), (-0.14, 0.46)),
        _points((0.2, 0.08), (out, 0.4), (out, 0.62), (0.14, 0.46)),
    )
    return [
        ShapePart(Paint.SECOND, fins),
        ShapePart(Paint.MOTIF, (hull,)),
        ShapePart(Paint.SECOND, (nose,)),
        ShapePart(Paint.LIGHT, (_ellipse(0, -0.06, 0.1, 0.1),)),
    ]


def _mushroom(detail: float) -> list[ShapePart]:
    """A dome of a cap on a thick pale stem; detail: the stem's width."""
    wide = 0.15 + 0.09 * detail
    stem = np.concatenate([_points((-wide, 0.0), (wide, 0.0)), _arc((0, 0.42), (wide + 0.06, 0.14), (0, 180))])
    cap = np.concatenate([_arc((0, 0.0), (0.58, 0.5), (180, 360)), _arc((0, 0.0), (0.58, 0.12), (0, 180))])
    return [ShapePart(Paint.LIGHT, (stem,)), ShapePart(Paint.MOTIF, (cap,))]


def _umbrella(detail: float) -> list[ShapePart]:
    """A scalloped canopy with a tip, a thin stick and a hook of the second colour; detail: the scallops."""
    deep = 0.07 + 0.07 * detail
    scallops = [_arc((0.6 - 0.2 - 0.4 * k, 0.06), (0.2, deep), (0, -180)) for k in range(3)]
    canopy = np.concatenate([_arc((0, 0.06), (0.6, 0.56), (180, 360)), *scallops])
    hook = np.concatenate([_arc((0.13, 0.5), (0.17, 0.16), (180, 0)), _arc((0.13, 0.5), (0.07, 0.06), (0, 180))])
    return [
        ShapePart(Paint.OUTLINE, (_box(-0.025, -0.6, 0.025, -0.4),)),
        ShapePart(Paint.SECOND, (_box(-0.04, -0.1, 0.06, 0.5), hook)),
        ShapePart(Paint.MOTIF, (canopy,)),
    ]


def _boat(detail: float) -> list[ShapePart]:
    """A hull of the second colour under one large and one small sail; detail: the small sail."""
    hull = _points((-0.6, 0.24), (0.6, 0.24), (0.38, 0.54), (-0.36, 0.54))
    sails = (
        _points((-0.02, -0.6), (-0.02, 0.14), (-0.54, 0.14)),
        _points((0.1, -0.34 - 0.2 * detail), (0.1, 0.14), (0.52, 0.14)),
    )
    mast = ShapePart(Paint.OUTLINE, (_box(0.02, -0.6, 0.06, 0.3),))
    return [mast, ShapePart(Paint.MOTIF, sails), ShapePart(Paint.SECOND, (hull,))]


def _heart(detail: float) -> list[ShapePart]:
    """A heart; detail: how deep the notch is."""
    turn = np.linspace(0, 2 * math.pi, 40, endpoint=False)
    x = 0.56 * np.sin(turn) ** 3
    waves = (0.40, 0.15 + 0.06 * detail, 0.07, 0.03)
    y = -sum(waves[k] * np.cos((k + 1) * turn) * (1 if k == 0 else -1) for k in range(4)) - 0.06
    return [ShapePart(Paint.MOTIF, (np.stack([x, y], axis=1),))]


def _duck(detail: float) -> list[ShapePart]:
    """A bath duck looking left, its wing of the second colour; detail: the head's size."""
    head = 0.2 + 0.05 * detail
    body = np.concatenate(
        [
            _arc((0.04, 0.2), (0.5, 0.34), (0, 200)),
            _points((-0.3, 0.0), (0.1, -0.02), (0.36, 0.0), (0.64, -0.22)),
        ]
    )
    wing = np.concatenate([_arc((0.14, 0.14), (0.24, 0.2), (0, 180)), _points((0.2, 0.04))])
    return [
        ShapePart(Paint.BEAK, (_points((-0.38, -0.36), (-0.66, -0.26), (-0.38, -0.16)),)),
        ShapePart(Paint.MOTIF, (body, _ellipse(-0.2, -0.28, head, head))),
        ShapePart(Paint.SECOND, (wing,)),
        ShapePart(Paint.OUTLINE, (_ellipse(-0.25, -0.33, 0.05, 0.05),), outlined=False),
    ]


SHAPES: dict[str, Callable[[float], list[ShapePart]]] = {
    "ball": _ball,
    "star": _star,
    "house": _house,
    "tree": _tree,
    "fish": _fish,
    "mug": _mug,
    "car": _car,
    "rocket": _rocket,
    "mushroom": _mushroom,
    "umbrella": _umbrella,
    "boat": _boat,
    "heart": _heart,
    "duck": _duck,
}
"""Class name -> the parts of a toy of the class, back to front, for a detail in [0, 1]."""
