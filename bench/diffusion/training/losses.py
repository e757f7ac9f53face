"""Losses of several methods as pure functions; squared norms are means, as in the official code."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate, mse_loss, pad


def masked_diffusion_loss(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Break-A-Scene, equation 1: the mean of ((target - predicted) * mask)^2 over ALL elements.

    `predicted` and `target` (noise or velocity) are [B, C, h, w]; `mask` is [B, 1, h, w] in [0, 1].
    Masked-out pixels stay in the denominator (official train.py:1152-1158: mean-reduced MSE of the masked
    tensors).
    """
    return mse_loss(predicted * mask, target * mask)


def diffusion_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """The standard diffusion loss: the mean squared error over all elements of [B, C, h, w]."""
    return mse_loss(predicted, target)


def weighted_loss(predicted: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Custom Diffusion's reduction: the weighted squared error over the sum of the weights, a mean over B.

    `predicted` and `target` are [B, C, h, w], `weights` [B, 1, h, w]. The weights have one channel and the error C,
    so it is C times a mean (clic, learning.py:1004 and 1048, after Custom Diffusion).
    """
    error = (weights * (predicted - target) ** 2).sum(dim=(1, 2, 3))
    return (error / weights.sum(dim=(1, 2, 3)).clamp_min(torch.finfo(weights.dtype).tiny)).mean()


def inner_cells(side: int) -> Tensor:
    """1 inside and 0 in the outermost ring of cells, float [side, side] with `side` > 2.

    The region that Custom Diffusion's code takes as valid of a picture that is not rescaled (clic, learning.py,
    `preprocess`).
    """
    return pad(torch.ones(side - 2, side - 2), (1, 1, 1, 1))


def cross_attention_losses(maps: Tensor, masks: Tensor) -> Tensor:
    """Break-A-Scene, equation 2, one value per concept, [k]: the mean squared error of its map and its mask.

    `maps` is [k, s, s], each concept's cross-attention averaged over layers and heads; each is divided by its
    largest value, through which gradients flow (official train.py:1212-1214). `masks` is [k, s, s] in [0, 1].
    """
    largest = maps.amax(dim=(1, 2), keepdim=True).clamp_min(torch.finfo(maps.dtype).tiny)
    return ((maps / largest - masks) ** 2).mean(dim=(1, 2))


def shrink_masks(masks: Tensor, side: int) -> Tensor:
    """Masks [N, H, W] resized to float [N, side, side] by nearest neighbour, as in the official code."""
    return interpolate(masks[:, None].float(), size=(side, side), mode="nearest")[:, 0]


def region_loss(maps: Tensor, masks: Tensor) -> Tensor:
    """CLiC, equation 1: the mean of (CA - mask)^2 over all elements of [k, s, s]."""
    return ((maps - masks) ** 2).mean()
