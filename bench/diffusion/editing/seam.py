"""Puts the target's own pixels back outside an edit's region, with a soft seam inside of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from bench.core.scenes import ImageArray, Mask


def composite(edited: ImageArray, target: ImageArray, mask: Mask, width: int) -> ImageArray:
    """`edited` in the mask, fading into `target` over its outermost `width` pixels, uint8 [s, s, 3].

    Outside the mask the target's pixels are unchanged, bit for bit.
    """
    weight = seam_weights(mask, width)[:, :, None]
    mixed: ImageArray = np.rint(weight * edited + (1 - weight) * target).astype(np.uint8)
    return mixed


def seam_weights(mask: Mask, width: int) -> npt.NDArray[np.float64]:
    """The weights [s, s] of the edit: 0 outside the mask, rising linearly to 1 at `width` + 1 pixels within it.

    Nothing fades at the picture's border.
    """
    if mask.all():
        return np.ones(mask.shape)
    return np.clip(distance_transform_edt(mask) / (width + 1), 0, 1)
