"""RealFill's training step on one concept."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from bench.diffusion.inpainting.holes import random_hole
from bench.diffusion.inpainting.unet import show_hole
from bench.diffusion.training.losses import masked_diffusion_loss, shrink_masks
from bench.diffusion.training.objective import Objective
from bench.diffusion.training.step import Step


def begin(objective: Objective) -> Callable[[], Tensor]:
    """The loss of one random step, to be called once per step."""
    return lambda: inpainting_loss(objective)


def inpainting_loss(objective: Objective) -> Tensor:
    """The diffusion loss inside the concepts' masks of a sample whose picture has random holes, a scalar.

    It counts in the holes and in what is seen of the masks alike, as in RealFill.
    """
    backbone, random = objective.backbone, objective.random
    sample = objective.recipe.samples.draw(objective.scene, random.numpy)
    hole = random_hole(backbone.resolution, random.numpy)
    show_hole(backbone, objective.encoder, sample.picture, hole)
    latents = objective.encoder.sample(sample.picture, random.torch)
    step = Step.drawn(backbone, latents, random.torch)
    masks = torch.from_numpy(sample.masks.copy()).to(latents.device)
    union = shrink_masks(masks.amax(dim=0, keepdim=True), latents.shape[-1])
    return masked_diffusion_loss(*step.denoised(sample.text), union[:, None])
