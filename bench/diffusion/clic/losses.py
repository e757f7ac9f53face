"""CLiC's losses and its transfer as pure functions; squared norms are means, as in the official code."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate


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


def concept_maps(layers: Sequence[Tensor], positions: Tensor, side: int) -> Tensor:
    """CA of equation 1: the maps of some tokens, averaged over heads and layers, [k, side, side].

    `layers` are attention probabilities [1, heads, pixels, tokens] of square maps of any sides; smaller and
    larger ones are brought to `side` bilinearly. `positions` int64 [k] are the tokens' places in the text.
    """
    return torch.stack([_resized(layer, positions, side) for layer in layers]).mean(dim=0)


def min_max(maps: Tensor) -> Tensor:
    """Each map of [k, s, s] stretched to [0, 1]; gradients flow through its extremes; a constant map is 0."""
    lowest, highest = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    return (maps - lowest) / (highest - lowest).clamp_min(torch.finfo(maps.dtype).tiny)


def region_loss(maps: Tensor, masks: Tensor) -> Tensor:
    """CLiC, equation 1: the mean of (CA - mask)^2 over all elements of [k, s, s]."""
    return ((maps - masks) ** 2).mean()


def guidance_energy(maps: Tensor, masks: Tensor) -> Tensor:
    """What CLiC's equation 7 descends: the sum, not the mean, of (CA - mask)^2 over [k, s, s].

    So a step of one size moves a latent as far at any resolution.
    """
    return ((maps - masks) ** 2).sum()


def blend(latents: Tensor, background: Tensor, mask: Tensor) -> Tensor:
    """CLiC, equation 6: `latents` inside the mask and the noised target outside; mask [1, 1, h, w] in [0, 1]."""
    return mask * latents + (1 - mask) * background


def towards(latents: Tensor, loss: Tensor, eta: float) -> Tensor:
    """CLiC, equation 7: the latents after one step of size `eta` down the gradient of `loss`, detached."""
    (gradient,) = torch.autograd.grad(loss, latents)
    return (latents - eta * gradient).detach()


def _resized(layer: Tensor, positions: Tensor, side: int) -> Tensor:
    own = math.isqrt(layer.shape[2])
    maps = layer[0].mean(dim=0)[:, positions.to(layer.device)].T.reshape(1, -1, own, own)
    return maps[0] if own == side else interpolate(maps, size=(side, side), mode="bilinear", align_corners=False)[0]
