"""Masks: how two of them agree, and their outlines."""

from __future__ import annotations

import math

import numpy as np

from bench.core.scenes import Mask


def mask_iou(one: Mask, other: Mask) -> float:
    """Intersection over union of two masks of one shape, in [0, 1]; 1 where both are empty."""
    union = np.logical_or(one, other).sum()
    return float(np.logical_and(one, other).sum() / union) if union else 1.0


def iou_with_truth(mask: Mask, true: Mask) -> float:
    """The IoU of an estimated mask with the true one; NaN where there is no true mask (it is empty)."""
    return mask_iou(mask, true) if true.any() else math.nan
