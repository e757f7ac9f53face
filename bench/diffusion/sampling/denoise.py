"""The sampler step by step, to change the networks or the latents on the way, which a pipeline cannot do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.diffusion.sampling.attention_watch import current_watch
from bench.plugins.backbone import Backbone


@dataclass(frozen=True, eq=False)
class Denoiser:
    """Guided DDIM (eta 0) with the current networks, equal to the backbone's pipeline at each step.

    `states` [2 B, L, width] are the texts' encodings, those of the empty text first, or [B, L, width] without the
    latter if the guidance is 1 or less; `times` are the sampler's, descending.
    """

    backbone: Backbone
    texts: tuple[str, ...]
    states: Tensor
    times: tuple[int, ...]

    @classmethod
    @torch.no_grad()
    def of(cls, backbone: Backbone, texts: Sequence[str]) -> Denoiser:
        """The denoiser of a batch of texts, with the backbone's number of steps and guidance."""
        sampler = backbone.settings.sampler
        backbone.scheduler.set_timesteps(sampler.steps)
        unconditional = [""] * len(texts) if sampler.guidance > 1 else []
        with backbone.hardware.drawing():
            states = backbone.encode_text([*unconditional, *texts])
        return cls(backbone, tuple(texts), states, tuple(int(time) for time in backbone.scheduler.timesteps))

    @torch.no_grad()
    def step(self, latents: Tensor, index: int) -> Tensor:
        """The latents [B, C, h, w] after the step at `times[index]`."""
        # Any: the library annotates neither the UNet's call nor the scheduler's as they are used.
        unet: Any = self.backbone.unet
        scheduler: Any = self.backbone.scheduler
        if watch := current_watch():
            watch.look(self.backbone, self.texts, self.states[-len(latents) :], latents, index)
        pairs = len(self.states) // len(latents)
        with self.backbone.hardware.drawing():
            predicted: Tensor = unet(torch.cat([latents] * pairs), self.times[index], self.states).sample
        if pairs == 2:
            unconditional, conditional = predicted.float().chunk(2)
            predicted = unconditional + self.backbone.settings.sampler.guidance * (conditional - unconditional)
        stepped: Tensor = scheduler.step(predicted.float(), self.times[index], latents).prev_sample
        return stepped

    def noised(self, clean: Tensor, noise: Tensor, index: int) -> Tensor:
        """Clean latents at the noise level of `times[index]`; after the last step they are clean."""
        if index == len(self.times):
            return clean
        scheduler: Any = self.backbone.scheduler
        noisy: Tensor = scheduler.add_noise(clean, noise, torch.tensor([self.times[index]], device=clean.device))
        return noisy
