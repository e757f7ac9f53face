"""Views of a masked object: the filled picture, or the box around it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from bench.core.scenes import ImageArray, Mask
from bench.scoring.comparison import BLACK, Fill, RegionView


def render_view(picture: ImageArray, mask: Mask, view: RegionView) -> ImageArray:
    """The view of the object in the mask [H, W]: the filled picture, or its box (`boxed`)."""
    return boxed(picture, mask, view.fill) if view.framing == "box" else masked(picture, mask, view.fill)


def masked(picture: ImageArray, mask: Mask, fill: Fill = BLACK) -> ImageArray:
    """The picture with `fill` outside the mask, uint8 [H, W, 3] (black: google/break-a-scene, issue 32).

    None returns the picture unchanged.
    """
    if fill is None:
        return picture
    inside, size = Image.fromarray(mask.astype(np.uint8) * 255), (mask.shape[1], mask.shape[0])
    return np.asarray(Image.composite(Image.fromarray(picture), Image.new("RGB", size, fill), inside))


def boxed(picture: ImageArray, mask: Mask, fill: Fill = BLACK) -> ImageArray:
    """The mask's bounding box, cut out of the filled picture and padded to a square: uint8 [S, S, 3].

    S is the box's longer side. There is no margin, and nothing is stretched: the shorter side is padded equally on both
    sides (an odd pixel goes below or right) with `fill`, or with black if that is None. So a model's own resizing and
    central crop keep an elongated object's proportions.

    Raises `ValueError` if the mask is empty.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        raise ValueError("an empty mask has no bounding box")
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    box = masked(picture[window], mask[window], fill)
    side = max(box.shape[:2])
    square = np.empty((side, side, 3), np.uint8)
    square[:] = BLACK if fill is None else fill
    top, left = ((side - length) // 2 for length in box.shape[:2])
    square[top : top + box.shape[0], left : left + box.shape[1]] = box
    return square
