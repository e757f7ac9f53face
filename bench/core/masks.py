"""Masks: intersection over union, principal axes, and outlines."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageFilter

from bench.core.scenes import Mask

_COLOURS = ((240, 228, 66), (86, 180, 233), (230, 159, 0), (255, 150, 205), (120, 220, 140))
"""Light enough to stand out from dimmed pictures, told apart by colour-blind readers (after Okabe and Ito)."""

SMALLEST_SHAPE = 0.005
"""A mask of a smaller share of its picture has no shape to speak of: neither sides nor a direction."""


def mask_iou(one: Mask, other: Mask) -> float:
    """Intersection over union of two masks of one shape, in [0, 1]; 1 where both are empty."""
    union = np.logical_or(one, other).sum()
    return float(np.logical_and(one, other).sum() / union) if union else 1.0


def shrunk(mask: Mask, side: int) -> Mask:
    """The mask [H, W] at `side` x `side` by nearest neighbour, of each cell the upper left pixel, as torch's."""
    rows, columns = (np.arange(side) * length // side for length in mask.shape)
    smaller: Mask = mask[np.ix_(rows, columns)]
    return smaller


def iou_with_truth(mask: Mask, true: Mask) -> float:
    """The IoU of an estimated mask with the true one; NaN where there is no true mask (it is empty)."""
    return mask_iou(mask, true) if true.any() else math.nan


def principal_axis(mask: Mask) -> tuple[float, float]:
    """The direction in which a mask [H, W] extends most, in degrees, and how much longer than wide it is.

    The direction is in degrees from the horizontal, clockwise as pictures are turned, in [0, 180). The second is the
    ratio of the standard deviations of its pixels' places along that axis and across it: 1 if it is round, 0 if empty,
    infinite for a line.
    """
    if not mask.any():
        return 0.0, 0.0
    rows, columns = np.nonzero(mask)
    spread, axes = np.linalg.eigh(np.cov(np.stack([columns, rows]), bias=True))
    angle = math.degrees(math.atan2(axes[1, 1], axes[0, 1])) % 180
    return angle % 180, math.sqrt(spread[1] / spread[0]) if spread[0] > 0 else math.inf


def outline(mask: Mask, width: int) -> Mask:
    """The pixels of a mask within `width` of its border; the picture's edge is not a border, so it stays free."""
    pixels = Image.fromarray(mask.astype(np.uint8) * 255)
    inner = np.asarray(pixels.filter(ImageFilter.MinFilter(2 * width + 1)), dtype=np.uint8) > 0
    return mask & ~inner


def concept_colour(index: int) -> tuple[int, int, int]:
    """The RGB colour that the concept at this index is marked in."""
    return _COLOURS[index % len(_COLOURS)]
