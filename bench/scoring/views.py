"""Views of a masked object: the filled picture, or the box around it."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from PIL import Image

from bench.core.scenes import ImageArray, Mask
from bench.scoring.comparison import BLACK, Fill, RegionView

Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; right and bottom are just past it."""


def render_view(picture: ImageArray, mask: Mask, view: RegionView, box: Box | None = None) -> ImageArray:
    """The view of the object in the mask [H, W]: the filled picture, or its box (`boxed`)."""
    return boxed(picture, mask, view.fill, box) if view.framing == "box" else masked(picture, mask, view.fill)


def masked(picture: ImageArray, mask: Mask, fill: Fill = BLACK) -> ImageArray:
    """The picture with `fill` outside the mask, uint8 [H, W, 3] (black: google/break-a-scene, issue 32).

    None returns the picture unchanged.
    """
    if fill is None:
        return picture
    inside, size = Image.fromarray(mask.astype(np.uint8) * 255), (mask.shape[1], mask.shape[0])
    return np.asarray(Image.composite(Image.fromarray(picture), Image.new("RGB", size, fill), inside))


def boxed(picture: ImageArray, mask: Mask, fill: Fill = BLACK, box: Box | None = None) -> ImageArray:
    """The box that a detector gave, or else the mask's, as a square: uint8 [S, S, 3].

    It is cut out of the filled picture; S is its longer side. There is no margin, and nothing is stretched: the shorter
    side is padded equally on both sides (an odd pixel goes below or right) with `fill`, or with black if that is None.
    So a model's own resizing and central crop keep an elongated object's proportions.

    Raises `ValueError` if the mask is empty and no box is given.
    """
    left, top, right, bottom = _bounding_box(mask) if box is None else box
    window = slice(top, bottom), slice(left, right)
    shown = masked(picture[window], mask[window], fill)
    side = max(shown.shape[:2])
    square = np.empty((side, side, 3), np.uint8)
    square[:] = BLACK if fill is None else fill
    above, before = ((side - length) // 2 for length in shown.shape[:2])
    square[above : above + shown.shape[0], before : before + shown.shape[1]] = shown
    return square


def _bounding_box(mask: Mask) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        raise ValueError("an empty mask has no bounding box")
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
