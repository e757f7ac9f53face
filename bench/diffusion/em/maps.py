"""Cross-attention maps of a scene's concepts during a fit, at the scene's resolution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from bench.diffusion.em.latent_masks import attended
from bench.diffusion.training.objective import Objective
from bench.diffusion.training.rows import Rows, losses
from bench.diffusion.training.samples import Sample
from bench.diffusion.training.step import drawn_noise


@torch.no_grad()
def averaged_maps(own: Objective, times: int) -> Tensor:
    """The maps [N, side, side] of all concepts, averaged over this many random diffusion times.

    One pass a picture and time, without gradients.
    """
    maps: dict[int, Tensor] = {}
    for subset in own.scene.concepts_by_image:
        seen: list[Tensor] = []
        for _ in range(times):
            losses([look(own, subset, seen.append)])
            seen[:] = [torch.stack(seen).sum(dim=0)]
        maps |= dict(zip(subset, seen[0] / times, strict=True))
    return torch.stack([maps[index] for index in range(len(maps))])


def look(own: Objective, subset: tuple[int, ...], see: Callable[[Tensor], None]) -> Rows:
    """The row of a pass over a picture's concepts, of which `see` gets the maps [k, side, side].

    The text names all concepts that the picture shows; noise and time are the fit's own.
    """
    sample = _whole(own, subset)
    looking = replace(own, observe=lambda _sample: None)  # who observes has the maps of every layer

    def looked(_predicted: Tensor, target: Tensor) -> Tensor:
        see(_maps_of(own, sample))
        return target.new_zeros(())

    latent_noise = own.encoder.noise(own.random.torch)
    noise, time = drawn_noise(own.backbone, latent_noise.shape, own.random.torch)
    return Rows(looking, (sample.picture,), (sample.text,), latent_noise, noise, time, looked)


def step_maps(own: Objective, sample: Sample) -> Tensor:
    """The maps [k, side, side] of a step's concepts from its own forward pass, of the unflipped picture."""
    maps = _maps_of(own, sample)
    return maps.flip(-1) if sample.flipped else maps


def _whole(own: Objective, subset: tuple[int, ...]) -> Sample:
    """The sample of a picture of the scene with all concepts that it shows."""
    concepts = [own.scene.concepts[index] for index in subset]
    text = own.recipe.samples.text_template.training_text(concepts)
    return Sample(own.scene.picture_of(subset[0]), np.stack([concept.mask for concept in concepts]), subset, text)


def _maps_of(own: Objective, sample: Sample) -> Tensor:
    """The maps of the sample's concepts in its own row of the last pass, [k, side, side] at the scene's resolution."""
    assert own.recorder is not None, "a recipe with latent masks records every layer"
    maps = [layer[0] for layer in own.recorder.maps]
    return attended(maps, own.positions(sample), own.backbone.resolution)
