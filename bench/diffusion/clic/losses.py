"""CLiC's losses as pure functions; squared norms are means, as in the official code."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from bench.diffusion.training.losses import inner_cells

EMPTY = 0.05
"""The value below which the official code takes a cell of the shrunk mask as outside (clic, learning.py:113)."""


def soft_mask(mask: Tensor, alpha: float) -> Tensor:
    """CLiC, equation 2: `alpha` outside the concept and 1 inside, for a mask in [0, 1] of any shape."""
    return alpha + (1 - alpha) * mask


def code_weights(mask: Tensor, alpha: float) -> Tensor:
    """The context loss's weights in the official code: `alpha` where the mask is below .05, else the mask itself.

    `mask` is [..., s, s] in [0, 1]; the outermost cells have the weight 0 (clic, learning.py:110-115, `aug_mask`).
    """
    return torch.where(mask < EMPTY, alpha, mask) * inner_cells(mask.shape[-1]).to(mask)


def shrink_bilinear(masks: Tensor, side: int) -> Tensor:
    """Masks [N, H, W] resized to float [N, side, side] bilinearly, without smoothing (clic, learning.py:107)."""
    return interpolate(masks[:, None].float(), size=(side, side), mode="bilinear", align_corners=False)[:, 0]


def context_loss(predicted: Tensor, target: Tensor, soft: Tensor) -> Tensor:
    """CLiC, equation 3: the mean of (soft * (predicted - target))^2 over all elements.

    `predicted` and `target` (noise or velocity) are [B, C, h, w]; `soft` is [B, 1, h, w] in [0, 1].
    """
    return ((soft * (predicted - target)) ** 2).mean()
