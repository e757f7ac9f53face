"""The total loss of a recipe at one random step: a sample, a time, a noise, and the UNet's answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.diffusion.attention import Recorder
from bench.diffusion.backbone import Backbone
from bench.diffusion.encode import Encoder
from bench.diffusion.losses import (
    cross_attention_losses,
    diffusion_loss,
    masked_diffusion_loss,
    shrink_masks,
)
from bench.diffusion.recipe import AttentionLoss, Recipe
from bench.diffusion.samples import Sample
from bench.errors import UserError
from bench.scenes import Picture, Scene


@dataclass(frozen=True)
class Randomness:
    """Everything random of a fit, drawn on the CPU, from the unit's seed alone."""

    numpy: np.random.Generator
    torch: torch.Generator

    @classmethod
    def seeded(cls, seed: int) -> Randomness:
        """Both generators from one seed in [0, 2**63)."""
        return cls(np.random.default_rng(seed), torch.Generator().manual_seed(seed))


@dataclass(frozen=True, eq=False)
class Objective:
    """A recipe's losses on a scene that has the backbone's resolution.

    `ids` int64 [N] are the handles' tokens; `prior` holds the prior-preservation pictures (none without
    them); `recorder` collects the cross-attention maps (None without their loss).
    """

    recipe: Recipe
    scene: Scene
    backbone: Backbone
    encoder: Encoder
    random: Randomness
    ids: Tensor
    prior: Sequence[Picture]
    recorder: Recorder | None

    def __call__(self) -> Tensor:
        """The total loss of one random step, a scalar; Break-A-Scene, equation 3, plus prior preservation."""
        sample = self.recipe.samples.draw(self.scene, self.random.numpy)
        pictures, texts = [sample.picture], [sample.text]
        if self.recipe.prior is not None:
            pictures.append(self.prior[int(self.random.numpy.integers(len(self.prior)))])
            texts.append(self.recipe.prior.text)
        latents = torch.cat([self.encoder.sample(picture, self.random.torch) for picture in pictures])
        predicted, target = self._denoise(latents, texts)
        return self._total(sample, predicted, target)

    def _denoise(self, latents: Tensor, texts: list[str]) -> tuple[Tensor, Tensor]:
        """The UNet's prediction and its target (noise or velocity) at random times, float32 [B, C, h, w]."""
        # Any: the library annotates times as a tensor of int32.
        scheduler: Any = self.backbone.scheduler
        device = latents.device
        noise = torch.randn(latents.shape, generator=self.random.torch).to(device)
        end = int(scheduler.config["num_train_timesteps"])
        times = torch.randint(end, (len(latents),), generator=self.random.torch)
        noisy = scheduler.add_noise(latents, noise, times.to(device))
        with self.backbone.hardware.autocast():
            states = self.backbone.encode_text(texts)
            predicted: Tensor = self.backbone.unet(noisy, times.to(device), states).sample
        velocity = scheduler.config["prediction_type"] == "v_prediction"
        target = scheduler.get_velocity(latents, noise, times.to(device)) if velocity else noise
        return predicted.float(), target.float()

    def _total(self, sample: Sample, predicted: Tensor, target: Tensor) -> Tensor:
        """Row 0 of the batch is the sample's, row 1 the prior picture's."""
        masks = torch.from_numpy(sample.masks.copy()).to(predicted.device)
        loss = self._diffusion(masks, predicted[:1], target[:1])
        if self.recipe.attention is not None and self.recorder is not None:
            loss = loss + self._attention(self.recipe.attention, self.recorder, sample, masks)
        if self.recipe.prior is not None:
            loss = loss + self.recipe.prior.weight * diffusion_loss(predicted[1:], target[1:])
        return loss

    def _diffusion(self, masks: Tensor, predicted: Tensor, target: Tensor) -> Tensor:
        if not self.recipe.masked:
            return diffusion_loss(predicted, target)
        union = shrink_masks(masks.any(dim=0, keepdim=True), predicted.shape[-1])
        return masked_diffusion_loss(predicted, target, union[:, None])

    def _attention(self, wanted: AttentionLoss, recorder: Recorder, sample: Sample, masks: Tensor) -> Tensor:
        maps = recorder.take(self._positions(sample))
        losses = cross_attention_losses(maps, shrink_masks(masks, maps.shape[-1]))
        return wanted.weight * (losses.mean() if wanted.reduction == "mean" else losses.sum())

    def _positions(self, sample: Sample) -> Tensor:
        """Where in the text the handles of the sample's concepts stand, int64 [k]."""
        tokens = self.backbone.tokenize([sample.text])[0].cpu()
        found = [(tokens == self.ids[index]).nonzero() for index in sample.subset]
        if not all(len(places) for places in found):
            raise UserError(f"'{sample.text}' is longer than the {len(tokens)} tokens that the backbone reads")
        return torch.stack([places[0, 0] for places in found])
