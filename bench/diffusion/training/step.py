"""One random training step: noise, times, and the UNet's prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.plugins.backbone import Backbone


@dataclass(frozen=True, eq=False)
class Step:
    """One random training step: latents [B, C, h, w] noised with `noise` at `time` int64 [B]."""

    backbone: Backbone
    latents: Tensor
    noise: Tensor
    time: Tensor

    @classmethod
    def drawn(cls, backbone: Backbone, latents: Tensor, generator: torch.Generator) -> Step:
        """A step with uniform times and standard normal noise from `generator`, which is on the CPU."""
        noise, time = drawn_noise(backbone, latents.shape, generator)
        return cls(backbone, latents, backbone.hardware.upload(noise), backbone.hardware.upload(time))

    @property
    def noisy(self) -> Tensor:
        """The noised latents."""
        # Any: the library annotates times as a tensor of int32.
        scheduler: Any = self.backbone.scheduler
        noisy: Tensor = scheduler.add_noise(self.latents, self.noise, self.time)
        return noisy

    def states(self, *texts: str) -> Tensor:
        """The encodings [B, L, width] of B texts."""
        with self.backbone.hardware.autocast():
            return self.backbone.encode_text(list(texts))

    @property
    def target(self) -> Tensor:
        """The target of the prediction: the noise or the velocity, float32 [B, C, h, w]."""
        scheduler: Any = self.backbone.scheduler
        velocity = scheduler.config["prediction_type"] == "v_prediction"
        target: Tensor = scheduler.get_velocity(self.latents, self.noise, self.time) if velocity else self.noise
        return target.float()

    def predicted(self, noisy: Tensor, *texts: str) -> Tensor:
        """The UNet's prediction for some noisy latents [B, C, h, w] at the step's times and B texts, float32."""
        with self.backbone.hardware.autocast():
            predicted: Tensor = self.backbone.unet(noisy, self.time, self.states(*texts)).sample
        return predicted.float()

    def denoised(self, *texts: str) -> tuple[Tensor, Tensor]:
        """The UNet's prediction for B texts and its target (noise or velocity), float32 [B, C, h, w]."""
        return self.predicted(self.noisy, *texts), self.target


def drawn_noise(backbone: Backbone, shape: Sequence[int], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Standard normal noise of a `shape` [B, C, h, w] and uniform times int64 [B], both on the CPU."""
    noise = torch.randn(tuple(shape), generator=generator)
    return noise, torch.randint(backbone.scheduler.config["num_train_timesteps"], (shape[0],), generator=generator)
