"""How much of a handle's attention lies on the concept that was found in the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from bench.core.device import full_fp32
from bench.core.scenes import ImageArray, Mask
from bench.scoring.models.segmenter import Segments


def attention_share(attention: NDArray[np.float32], segment: Mask) -> float:
    """The part of a map [s, s] of probabilities that lies within a mask [s, s]; NaN for a map of zeros."""
    total = float(attention.sum(dtype=np.float64))
    return float(attention[segment].sum(dtype=np.float64)) / total if total else math.nan


@torch.inference_mode()
@full_fp32()
def found_segments(
    segmenter: Segments, picture: ImageArray, labels: Sequence[str]
) -> tuple[tuple[Mask | None, str], ...]:
    """The largest segment of each class word in a picture, or None and the reason."""
    segmentation = segmenter.segment([picture])[0]
    found: list[tuple[Mask | None, str]] = []
    for label in labels:
        index = segmenter.class_index(label)
        mask = None if index is None else segmentation.largest(index)
        unknown = f"the segmenter does not know '{label}'" if index is None else "not found"
        found.append((mask, "" if mask is not None else unknown))
    return tuple(found)
