"""Masks from cross-attention, as pure functions (Rahman et al. 2024, section 3, "Mask extraction")."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from bench.core.scenes import Mask


def attended(maps: Sequence[Tensor], positions: Tensor, side: int) -> Tensor:
    """Attention maps of the tokens at `positions` int64 [k]: [k, side, side], averaged over heads and layers.

    `maps` has the probabilities [heads, pixels, tokens] of each layer; all layers have equal weight whatever their
    size, and are enlarged bilinearly. Without gradients (section 3: "averaged across all layers of the U-Net";
    equation 2 also multiplies by V, which maps of tokens do not use).
    """
    layers = [_square(one.detach().float().mean(dim=0)[:, positions.to(one.device)]) for one in maps]
    enlarged = [interpolate(one[None], size=(side, side), mode="bilinear")[0] for one in layers]
    return torch.stack(enlarged).mean(dim=0)


def binarised(maps: Tensor, threshold: float) -> tuple[Mask, ...]:
    """Masks of the maps [k, side, side]: larger than `threshold` after each map is rescaled to [0, 1].

    A constant map has no information: its mask is the whole picture.
    """
    lowest, highest = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    span = highest - lowest
    stretched = torch.where(span > 0, (maps - lowest) / span.clamp_min(torch.finfo(maps.dtype).tiny), 1.0)
    return tuple(np.asarray(one, dtype=np.bool_) for one in (stretched > threshold).cpu().numpy())


def _square(columns: Tensor) -> Tensor:
    """Reshape [pixels, k] to [k, side, side]."""
    side = math.isqrt(len(columns))
    return columns.T.reshape(-1, side, side)
