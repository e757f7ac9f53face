"""Graded distortions of Playroom's pictures, and how well an LPIPS network puts their grades in order."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from bench.playroom.world.scene import ToyScene
from bench.playroom.world.toys import COLOURS, PALETTE, ToyIdentity, sample_toy_identity

Kind = Literal["blur", "noise", "shift", "colour"]

GRADES: dict[Kind, tuple[float, ...]] = {
    "blur": (0.4, 0.8, 1.6, 3.2),
    "noise": (0.03, 0.06, 0.12, 0.24),
    "shift": (1, 2, 4, 8),
    "colour": (15, 30, 60, 120),
}
"""Blur: the Gaussian's sigma in pixels (of 64). Noise: its standard deviation, pictures being in [0, 1]. Shift: pixels
to one side. Colour: degrees by which the hues are turned about grey."""

ANOTHER = "other_toy"
OTHER_TOY = ("its proportions", "and its motif", "and its colours", "and its class")
"""The grades of another toy in the place of the last one: what of it is changed."""

MILD = 2
"""Up to this grade of a distortion the picture is plainly the same; the last so many grades of another toy are not."""

_CONTRAST = 130.0
"""Least distance (RGB, 0..255) of the two colours of a toy with a motif, as where toys are sampled."""
_WIDEST = 12
"""Radius in pixels beyond which the blur's Gaussian is cut."""


def distort(kind: Kind, pictures: Tensor, strength: Tensor, seed: int) -> Tensor:
    """The pictures [B, 3, H, W] in [0, 1], each distorted by its own strength [B] (units: `GRADES`).

    What is random (the noise, the direction) follows from `seed` alone: two strengths with one seed are grades of
    the same distortion.
    """
    generator = torch.Generator().manual_seed(seed)
    if kind == "blur":
        return _blur(pictures, strength)
    if kind == "noise":
        noise = torch.randn(pictures.shape, generator=generator).to(pictures.device)
        return (pictures + strength[:, None, None, None] * noise).clamp(0, 1)
    if kind == "shift":
        return _shift(pictures, strength, torch.randint(4, (len(pictures),), generator=generator))
    sign = torch.randint(2, (len(pictures),), generator=generator).to(pictures.device) * 2 - 1
    return _turn_hues(pictures, sign * strength)


def other_toys(scene: ToyScene, rng: np.random.Generator) -> tuple[ToyScene, ...]:
    """The scene with another toy in the place of its last one, in the grades of `OTHER_TOY`, each a change more.

    The place, pose and background stay; the scene must have a toy.
    """
    placed = scene.toys[-1]
    own = placed.identity
    other = _another(own, rng)
    proportions = replace(own, aspect=other.aspect, detail=other.detail, repeat=other.repeat)
    second = other.second if own.motif == "plain" else own.second
    motif = replace(proportions, motif=other.motif, second=second)
    colours = replace(motif, first=other.first, second=other.second)
    grades = (proportions, motif, colours, other)
    return tuple(replace(scene, toys=(*scene.toys[:-1], replace(placed, identity=toy))) for toy in grades)


def _another(own: ToyIdentity, rng: np.random.Generator) -> ToyIdentity:
    """A toy of another class with another motif and none of the colours, that can lend `own` its motif."""
    while True:
        other = sample_toy_identity(rng, "seen" if own.first in COLOURS else "unseen")
        new = other.class_name != own.class_name and other.motif not in {own.motif, "plain"}
        apart = {other.first, other.second}.isdisjoint({own.first, own.second})
        contrast = math.dist(PALETTE[own.first], PALETTE[other.second])
        if new and apart and (own.motif != "plain" or contrast >= _CONTRAST):
            return other


def _blur(pictures: Tensor, sigma: Tensor) -> Tensor:
    """Convolve each picture with its own Gaussian, rows and columns one after the other, the border repeated."""
    count, channels = pictures.shape[:2]
    steps = torch.arange(-_WIDEST, _WIDEST + 1, device=pictures.device)
    kernels = torch.exp(-0.5 * (steps / sigma[:, None]) ** 2)
    kernels = (kernels / kernels.sum(dim=1, keepdim=True)).repeat_interleave(channels, dim=0)
    planes = pad(pictures, (_WIDEST,) * 4, mode="replicate").flatten(0, 1)[None]
    planes = conv2d(planes, kernels[:, None, None, :], groups=count * channels)
    planes = conv2d(planes, kernels[:, None, :, None], groups=count * channels)
    return planes.reshape(pictures.shape)


def _shift(pictures: Tensor, pixels: Tensor, side: Tensor) -> Tensor:
    """Move each picture by whole pixels to one of four sides, the border repeated."""
    height, width = pictures.shape[-2:]
    moved = []
    for picture, far, way in zip(pictures, pixels.round().int().tolist(), side.tolist(), strict=True):
        down, right = ((far, 0), (-far, 0), (0, far), (0, -far))[way]
        rows = (torch.arange(height) - down).clamp(0, height - 1).to(pictures.device)
        columns = (torch.arange(width) - right).clamp(0, width - 1).to(pictures.device)
        moved.append(picture[:, rows][:, :, columns])
    return torch.stack(moved)


def _turn_hues(pictures: Tensor, degrees: Tensor) -> Tensor:
    """Turn the colours of each picture about the grey axis."""
    angle = torch.deg2rad(degrees)[:, None, None]
    grey = torch.full((1, 3, 3), 1 / 3, device=pictures.device)
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=pictures.device)[None] / 3**0.5
    turn = grey + angle.cos() * (torch.eye(3, device=pictures.device) - grey) + angle.sin() * cross
    return torch.einsum("bij,bjhw->bihw", turn, pictures).clamp(0, 1)
