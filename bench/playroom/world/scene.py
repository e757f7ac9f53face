"""Scenes of toys: sampling them, and drawing them with exact instance masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.playroom.world.canvas import Canvas
from bench.playroom.world.contexts import CONTEXTS, FLOATING, paint_background
from bench.playroom.world.paint import Patch, PlacedToy, paint_toy
from bench.playroom.world.toys import CLASSES, Appearance, sample_toy_identity

__all__ = ["RENDERER", "Drawing", "PlacedToy", "ToyScene", "draw", "sample_scene"]

RENDERER = 1
"""Version of the drawing; it changes whenever the pictures do, since models are trained on them."""

_FINE = 3
"""Drawing is done at this multiple of the size, and averaged down."""

_COUNTS = (0.04, 0.44, 0.34, 0.10, 0.08)
"""How often a scene has 0, 1, 2, 3, 4 toys."""

_SIZES = ((0.0, 0.0), (0.45, 0.75), (0.38, 0.52), (0.36, 0.48), (0.37, 0.475), (0.31, 0.36), (0.31, 0.36))
"""The range of a toy's size by the number of toys."""

_SLOTS: dict[int, tuple[tuple[tuple[float, float], ...], ...]] = {
    0: ((),),
    1: (((0.5, 0.53),),),
    2: (((0.28, 0.5), (0.72, 0.56)), ((0.28, 0.58), (0.72, 0.5))),
    3: (((0.5, 0.29), (0.27, 0.7), (0.73, 0.72)), ((0.27, 0.3), (0.73, 0.31), (0.5, 0.71))),
    4: (((0.27, 0.28), (0.74, 0.28), (0.26, 0.73), (0.73, 0.73)),),
    5: (((0.19, 0.28), (0.5, 0.26), (0.81, 0.28), (0.32, 0.73), (0.68, 0.73)),),
    6: (((0.19, 0.28), (0.5, 0.26), (0.81, 0.28), (0.19, 0.73), (0.5, 0.75), (0.81, 0.73)),),
}
"""Where the toys' centres go by their number, back to front: one arrangement of several is taken."""

_LOOSE = (0.0, 0.12, 0.06, 0.04, 0.025, 0.02, 0.02)
"""How far a toy may lie from its slot by the number of toys."""

_BARE = 1 / 8
"""The share of scenes on a plain backdrop, where any context may come."""


@dataclass(frozen=True)
class ToyScene:
    """Toys, back to front, in a context (None: a plain backdrop) whose details are drawn from `seed`."""

    toys: tuple[PlacedToy, ...]
    context: str | None
    seed: int


@dataclass(frozen=True)
class Drawing:
    """A picture uint8 [S, S, 3] and each toy's visible pixels, bool [N, S, S]: disjoint, in scene order."""

    picture: NDArray[np.uint8]
    masks: NDArray[np.bool_]


def sample_scene(
    rng: np.random.Generator,
    *,
    appearance: Appearance = "seen",
    count: int | None = None,
    context: str | None = "any",
) -> ToyScene:
    """A scene of `count` toys (0 to 6; None: at most four, mostly one or two) of the given appearance.

    `context` is one of `CONTEXTS`, None for a plain backdrop, or "any". The classes are distinct but for one
    scene in twenty; the toys of one scene have similar sizes and mostly stay visible.
    """
    number = int(rng.choice(len(_COUNTS), p=_COUNTS)) if count is None else count
    place = _any_context(rng) if context == "any" else context
    classes = rng.choice(CLASSES, size=number, replace=bool(rng.uniform() < 0.05))
    slots = _SLOTS[number][rng.integers(len(_SLOTS[number]))]
    small, large = _SIZES[number]
    common = rng.uniform(small, large)
    toys = []
    for name, (x, y) in zip(classes, slots, strict=True):
        size = float(np.clip(common * rng.uniform(0.93, 1.07), small, large))
        dx, dy = rng.uniform(-_LOOSE[number], _LOOSE[number], 2)
        margin = min(0.5, 0.5 * size)
        toys.append(
            PlacedToy(
                sample_toy_identity(rng, appearance, str(name)),
                x=float(np.clip(x + dx, margin, 1 - margin)),
                y=float(np.clip(y + dy, margin, 1 - margin)),
                size=size,
                angle=float(rng.uniform(-15, 15)),
                flip=bool(rng.uniform() < 0.5),
            )
        )
    return ToyScene(tuple(toys), place, int(rng.integers(2**31)))


def _any_context(rng: np.random.Generator) -> str | None:
    """A context, or a plain backdrop now and then."""
    return None if rng.uniform() < _BARE else str(rng.choice(CONTEXTS))


def draw(scene: ToyScene, size: int) -> Drawing:
    """The scene at `size` pixels per side: the same picture at every size, but for its resolution.

    A pixel belongs to the toy whose visible part covers more than half of it.
    """
    fine = size * _FINE
    canvas = Canvas(fine)
    paint_background(canvas, scene.context, np.random.default_rng(scene.seed))
    pixels = np.asarray(canvas.image).copy()
    owner = np.zeros((fine, fine), dtype=np.uint8)
    for number, toy in enumerate(scene.toys, start=1):
        _ground(pixels, toy, scene.context == FLOATING)
        _place(pixels, owner, paint_toy(toy, fine), number)
    picture = np.asarray(Image.fromarray(pixels).reduce(_FINE))
    return Drawing(picture, _visible(owner, len(scene.toys), size))


def _place(pixels: NDArray[np.uint8], owner: NDArray[np.uint8], patch: Patch, number: int) -> None:
    """Put a drawn toy over what is there."""
    high, wide = patch.solid.shape
    region = (slice(patch.top, patch.top + high), slice(patch.left, patch.left + wide))
    np.copyto(pixels[region], patch.pixels, where=patch.solid[:, :, None])
    np.copyto(owner[region], np.uint8(number), where=patch.solid)


def _ground(pixels: NDArray[np.uint8], toy: PlacedToy, floating: bool) -> None:
    """Anchor a toy: a soft shadow below it, or a pale ripple around its foot where it floats."""
    fine = pixels.shape[0]
    centre = (toy.x + 0.06 * toy.size, toy.y + 0.47 * toy.size)
    wide, high = 0.56 * toy.size, 0.17 * toy.size
    left, right = (int(np.clip((centre[0] + s * wide) * fine, 0, fine)) for s in (-1, 1))
    top, bottom = (int(np.clip((centre[1] + s * high) * fine, 0, fine)) for s in (-1, 1))
    rows, columns = np.ogrid[top:bottom, left:right]
    x = ((columns + 0.5) / fine - centre[0]) / wide
    y = ((rows + 0.5) / fine - centre[1]) / high
    radius = np.sqrt(x**2 + y**2).astype(np.float32)
    tone = np.array((200, 228, 246) if floating else (20, 16, 30), dtype=np.float32)
    ripple, shadow = 0.8 * np.exp(-(((radius - 0.8) / 0.13) ** 2)), 0.5 * np.clip(1.6 * (1 - radius), 0, 1)
    depth = ripple if floating else shadow
    region = pixels[top:bottom, left:right]
    region[...] = (region + depth[:, :, None] * (tone - region)).astype(np.uint8)


def _visible(owner: NDArray[np.uint8], count: int, size: int) -> NDArray[np.bool_]:
    """The masks [count, size, size] of pixels more than half of whose fine pixels [S, S] a toy owns."""
    blocks = owner.reshape(size, _FINE, size, _FINE)
    masks = [(blocks == number).sum(axis=(1, 3)) * 2 > _FINE**2 for number in range(1, count + 1)]
    return np.array(masks, dtype=np.bool_).reshape(count, size, size)
