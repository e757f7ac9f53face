"""Tokens and masks in turn (Rahman et al. 2024, section 3, "Optimization", and Figure 2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from bench.diffusion.backbone.attention import Layer, Recorder
from bench.diffusion.em.latent_masks import attended
from bench.diffusion.em.latent_scene import LatentScene, MaskRule
from bench.diffusion.training.objective import Objective
from bench.diffusion.training.samples import Sample
from bench.diffusion.training.step import Step
from bench.plugins.method import FitRecords


def every_layer(_layer: Layer) -> bool:
    """The layers that masks are made of: all of the UNet (section 3, "Mask extraction")."""
    return True


def unmasked(own: Objective) -> Callable[[], Tensor]:
    """Inversion: a recipe's objective without masks, which is the plain diffusion loss (equation 1)."""
    return replace(own, recipe=replace(own.recipe, masked=False, attention=None))


class ExpectationMaximization:
    """The masks of one fit, shared by its phases, each of which may go on estimating them or hold them.

    Whichever phase begins first makes the first estimate, with the handles as they are then.
    """

    def __init__(self, rule: MaskRule) -> None:
        self._rule = rule
        self._latent: LatentScene | None = None

    @property
    def records(self) -> FitRecords:
        """What `LatentScene` notes of every estimate; nothing before the first."""
        return self._latent.records if self._latent is not None else ()

    def alternate(self, own: Objective) -> Callable[[], Tensor]:
        """A phase's objective whose every step learns under the masks (M), then estimates them anew (E)."""
        latent = self._begun(own)

        def expect(sample: Sample) -> None:
            latent.update(sample.subset, _unflipped(_maps(own, sample), sample))

        def step() -> Tensor:
            return replace(own, scene=latent.scene, observe=expect)()

        return step

    def hold(self, own: Objective) -> Callable[[], Tensor]:
        """A phase's objective under the masks as they are when it begins: "this avoids drift"."""
        return replace(own, scene=self._begun(own).scene)

    def _begun(self, own: Objective) -> LatentScene:
        if self._latent is None:
            self._latent = LatentScene(own.scene, self._rule)
            self._latent.start(first_maps(own, self._rule.times))
        return self._latent


@torch.no_grad()
def first_maps(own: Objective, times: int) -> Tensor:
    """The maps [N, side, side] of every concept, averaged over so many random diffusion times.

    The text of a picture names all concepts that it shows; noise and times are the fit's own.
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


def _whole(own: Objective, subset: tuple[int, ...]) -> Sample:
    """A picture of the scene with all concepts that it shows."""
    concepts = [own.scene.concepts[index] for index in subset]
    text = own.recipe.samples.text_template.training_text(concepts)
    return Sample(own.scene.picture_of(subset[0]), np.stack([concept.mask for concept in concepts]), subset, text)


def _maps(own: Objective, sample: Sample) -> Tensor:
    """What the last forward pass looked at for the sample's concepts, [k, side, side] at the scene's resolution."""
    maps = [layer[0] for layer in _recorder(own).maps]
    return attended(maps, own.positions(sample), own.backbone.resolution)


def _unflipped(maps: Tensor, sample: Sample) -> Tensor:
    return maps.flip(-1) if sample.flipped else maps


def _recorder(own: Objective) -> Recorder:
    assert own.recorder is not None, "a recipe with latent masks records every layer"
    return own.recorder
