"""Mask IoU: how far the masks that a method estimates agree with the true ones, over its training steps."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from bench.core.scenes import Mask

COLUMNS = ("step", "concept", "label", "estimated", "iou", "iou_without_crf")
"""What a method's note of a mask has, a row a step and concept (`bench.diffusion.em.latent_scene`)."""


def mask_iou(one: Mask, other: Mask) -> float:
    """Intersection over union of two masks of one shape, in [0, 1]; 1 where both are empty."""
    union = np.logical_or(one, other).sum()
    return float(np.logical_and(one, other).sum() / union) if union else 1.0


def iou_with_truth(mask: Mask, true: Mask) -> float:
    """The IoU of an estimated mask with the true one; NaN where there is no true mask (it is empty)."""
    return mask_iou(mask, true) if true.any() else math.nan


def iou_by_step(notes: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """IoU by step for each method (Rahman et al. 2024, Figure 3): the mean over concepts, then over scenes.

    `notes` has `COLUMNS`, `method` and `scene`. Masks that are never updated go on to the last step of all methods.
    """
    last = int(notes["step"].max())
    found: dict[str, pd.Series[float]] = {}
    for method, rows in notes.groupby("method", sort=False):
        scenes = rows.groupby(["step", "scene"])["iou"].mean()
        found[str(method)] = scenes.groupby("step").mean().reindex(np.arange(last + 1)).ffill()
    return found
