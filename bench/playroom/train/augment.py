"""Augmentations for evaluators: softness, noise and tints of generated pictures, and unknown appearances."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from bench.playroom.train.loop import Draw


def degrade(pictures: Tensor, draw: Draw) -> Tensor:
    """Soften, add noise to and tint pictures [B, 3, H, W] in [0, 1]; a quarter of them are unchanged."""
    keep = torch.rand(len(pictures), 1, 1, 1, generator=draw.generator) < 0.25
    size = int(draw.rng.integers(28, 64))
    soft = interpolate(pictures, size=(size, size), mode="bilinear", antialias=True)
    soft = interpolate(soft, size=pictures.shape[-2:], mode="bilinear")
    gain = 1 + 0.12 * draw.normal(len(pictures), 3, 1, 1)
    shift = 0.04 * draw.normal(len(pictures), 3, 1, 1)
    strength = 0.06 * torch.rand(len(pictures), 1, 1, 1, generator=draw.generator).to(draw.device)
    noise = interpolate(draw.normal(len(pictures), 3, 32, 32), size=pictures.shape[-2:], mode="bilinear")
    changed = (soft * gain + shift + strength * noise).clamp(0, 1)
    return torch.where(keep.to(draw.device), pictures, changed)


def recolour(pictures: Tensor, draw: Draw) -> Tensor:
    """Turn the hues of half of the pictures [B, 3, H, W] by any angle about grey, and change saturation."""
    angle = (2 * torch.rand(len(pictures), 1, 1, generator=draw.generator) - 1) * torch.pi
    saturation = 0.6 + 0.7 * torch.rand(len(pictures), 1, 1, generator=draw.generator)
    keep = torch.rand(len(pictures), 1, 1, generator=draw.generator) < 0.5
    grey = torch.full((1, 3, 3), 1 / 3)
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]])[None] / 3**0.5
    turned = grey + saturation * (angle.cos() * (torch.eye(3) - grey) + angle.sin() * cross)
    matrix = torch.where(keep, torch.eye(3), turned).to(draw.device)
    return torch.einsum("bij,bjhw->bihw", matrix, pictures).clamp(0, 1)


def retexture(pictures: Tensor, toys: Tensor, draw: Draw) -> Tensor:
    """Cover the toys of a third of the pictures with blotches, outlines kept, so that no motif is relied on.

    `pictures` [B, 3, H, W] in [0, 1], `toys` [B, 1, H, W] in {0, 1}.
    """
    count, size = len(pictures), int(draw.rng.integers(6, 20))
    keep = torch.rand(count, 1, 1, 1, generator=draw.generator).to(draw.device) > 1 / 3
    blotches = interpolate(draw.normal(count, 1, size, size), size=pictures.shape[-2:], mode="bilinear")
    first, second = torch.rand(2, count, 3, 1, 1, generator=draw.generator).to(draw.device)
    paint = torch.where(blotches > 0, first, second)
    lit = (pictures.amax(dim=1, keepdim=True) * 1.6 - 0.3).clamp(0, 1)
    inside = (toys > 0) & ~keep
    return torch.where(inside, 0.25 * pictures + 0.75 * paint * lit, pictures)


def remask(pictures: Tensor, inside: Tensor, draw: Draw) -> Tensor:
    """Cut toys out as a segmenter would: by a coarse mask that misses some edge and lets in some background.

    `pictures` [B, 3, H, W] in [0, 1] of toys that fill `inside` [B, 1, H, W] in {0, 1}; half keep that mask.
    """
    count = len(pictures)
    coarse = interpolate(inside, size=(32, 32), mode="bilinear", antialias=True)
    level = 0.3 + 0.4 * torch.rand(count, 1, 1, 1, generator=draw.generator).to(draw.device)
    cut = (interpolate(coarse, size=pictures.shape[-2:], mode="bilinear") > level).float()
    keep = torch.rand(count, 1, 1, 1, generator=draw.generator).to(draw.device) < 0.5
    ground = torch.rand(count, 3, 1, 1, generator=draw.generator).to(draw.device)
    return (pictures * inside + ground * (1 - inside)) * torch.where(keep, inside, cut)


def to_tensor(pictures: NDArray[np.uint8], draw: Draw) -> Tensor:
    """uint8 [B, H, W, 3] to float [B, 3, H, W] in [0, 1] on the training's device."""
    return torch.as_tensor(pictures).permute(0, 3, 1, 2).to(draw.device).float().div(255)
