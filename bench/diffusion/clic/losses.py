"""CLiC's losses as pure functions; squared norms are means, as in the official code."""

from __future__ import annotations

import torch
from torch import Tensor


def soft_mask(mask: Tensor, alpha: float) -> Tensor:
    """CLiC, equation 2: `alpha` outside the concept and 1 inside, for a mask in [0, 1] of any shape."""
    return alpha + (1 - alpha) * mask


def context_loss(predicted: Tensor, target: Tensor, soft: Tensor) -> Tensor:
    """CLiC, equation 3: the mean of (soft * (predicted - target))^2 over all elements.

    `predicted` and `target` (noise or velocity) are [B, C, h, w]; `soft` is [B, 1, h, w] in [0, 1].
    """
    return ((soft * (predicted - target)) ** 2).mean()


def weighted_loss(predicted: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """The official code's reduction: the weighted squared error over the sum of the weights, a mean over B.

    Shapes as in `context_loss`. The weights have one channel and the error C, so it is C times a mean
    (clic, learning.py:1004, after Custom Diffusion).
    """
    error = (weights * (predicted - target) ** 2).sum(dim=(1, 2, 3))
    return (error / weights.sum(dim=(1, 2, 3)).clamp_min(torch.finfo(weights.dtype).tiny)).mean()
