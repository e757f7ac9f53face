"""Encodes pictures to latents."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.core.scenes import ImageArray
from bench.plugins.backbone import Backbone


class Encoder:
    """Encodes pictures with the backbone's autoencoder; the last few pictures' distributions are cached.

    Latents are sampled anew at every call, as in the official code; the papers do not say.
    """

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self._distribution = lru_cache(maxsize=4)(self._encode)

    def sample(self, picture: ImageArray, generator: torch.Generator) -> Tensor:
        """Scaled latents [1, C, h, w] of a picture uint8 [H, W, 3] that has the backbone's resolution."""
        mean, std = self._distribution(np.ascontiguousarray(picture).tobytes())
        noise = torch.randn(mean.shape, generator=generator).to(mean)
        return (mean + std * noise) * float(self._backbone.vae.config["scaling_factor"])

    def mean(self, picture: ImageArray) -> Tensor:
        """The scaled mean latents [1, C, h, w] of such a picture, without sampling, for editing."""
        mean, _ = self._distribution(np.ascontiguousarray(picture).tobytes())
        return mean * float(self._backbone.vae.config["scaling_factor"])

    @torch.no_grad()
    def _encode(self, pixels: bytes) -> tuple[Tensor, Tensor]:
        side = self._backbone.resolution
        picture = torch.frombuffer(bytearray(pixels), dtype=torch.uint8).reshape(side, side, 3)
        tensor = picture.permute(2, 0, 1)[None].to(self._backbone.device).float() / 127.5 - 1
        encoded: Any = self._backbone.vae.encode(tensor)
        distribution = encoded.latent_dist
        return distribution.mean, distribution.std
