"""Cross-attention maps of a scene's concepts during a fit, at the scene's resolution."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from bench.diffusion.backbone.attention import Recorder
from bench.diffusion.em.latent_masks import attended
from bench.diffusion.training.objective import Objective
from bench.diffusion.training.samples import Sample
from bench.diffusion.training.step import Step


@torch.no_grad()
def averaged_maps(own: Objective, times: int) -> Tensor:
    """The maps [N, side, side] of all concepts, averaged over this many random diffusion times.

    One pass a picture and time, without gradients. The text of a picture names all concepts that it shows; noise and
    times are the fit's own.
    """
    maps: dict[int, Tensor] = {}
    for subset in own.scene.concepts_by_image:
        sample = _whole(own, subset)
        total = torch.zeros(())
        for _ in range(times):
            latents = own.encoder.sample(sample.picture, own.random.torch)
            _recorder(own).clear()
            Step.drawn(own.backbone, latents, own.random.torch).denoised(sample.text)
            total = total.to(latents.device) + _maps(own, sample)
        maps |= dict(zip(subset, total / times, strict=True))
    return torch.stack([maps[index] for index in range(len(maps))])


def step_maps(own: Objective, sample: Sample) -> Tensor:
    """The maps [k, side, side] of a step's concepts from its own forward pass, of the unflipped picture."""
    maps = _maps(own, sample)
    return maps.flip(-1) if sample.flipped else maps


def _whole(own: Objective, subset: tuple[int, ...]) -> Sample:
    """The sample of a picture of the scene with all concepts that it shows."""
    concepts = [own.scene.concepts[index] for index in subset]
    text = own.recipe.samples.text_template.training_text(concepts)
    return Sample(own.scene.picture_of(subset[0]), np.stack([concept.mask for concept in concepts]), subset, text)


def _maps(own: Objective, sample: Sample) -> Tensor:
    """The last forward pass's maps of the sample's concepts, [k, side, side] at the scene's resolution."""
    maps = [layer[0] for layer in _recorder(own).maps]
    return attended(maps, own.positions(sample), own.backbone.resolution)


def _recorder(own: Objective) -> Recorder:
    assert own.recorder is not None, "a recipe with latent masks records every layer"
    return own.recorder
