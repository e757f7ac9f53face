"""RealFill's random holes."""

from __future__ import annotations

import numpy as np

from bench.core.scenes import Mask

MOST_BOXES = 29
SMALLEST, LARGEST, MARGIN = 0.03, 0.25, 0.01
"""Sides of a box and its distance from the border, as shares of the picture's side."""
WHOLE = 0.1
"""The probability that the whole picture is the hole."""


def random_hole(side: int, rng: np.random.Generator) -> Mask:
    """A random hole bool [side, side], as `make_mask` of thuanz123/realfill (train_realfill.py:46-60, 470-473).

    1 to 29 boxes of 3 to 25 % of the side are the hole, or all but them, with equal chances; in a tenth of the cases
    everything is.
    """
    if rng.random() < WHOLE:
        return np.ones((side, side), dtype=bool)
    boxes = np.zeros((side, side), dtype=bool)
    margin = int(MARGIN * side)
    for _ in range(rng.integers(1, MOST_BOXES + 1)):
        width, height = rng.integers(max(1, int(SMALLEST * side)), int(LARGEST * side), size=2)
        left, top = rng.integers(margin, side - margin - np.array([width, height]) + 1)
        boxes[top : top + height, left : left + width] = True
    return boxes if rng.random() < 0.5 else ~boxes
