"""Encodes pictures to latents."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from bench.core.hashing import pixel_hash
from bench.core.scenes import ImageArray
from bench.plugins.backbone import Backbone

Distribution: TypeAlias = tuple[Tensor, Tensor]
"""Means and standard deviations of pictures' latents, [B, C, h, w] each."""
CACHED_BYTES = 64 * 2**20
"""Of distributions that an `Encoder` keeps: 512 pictures of 512 pixels."""


class Encoder:
    """Encodes pictures with the backbone's autoencoder; the distributions of the last pictures are cached.

    Latents are sampled anew at every call, as in the official code; the papers do not say.
    """

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self._cache: OrderedDict[str, Distribution] = OrderedDict()

    def sample(self, picture: ImageArray, generator: torch.Generator) -> Tensor:
        """Scaled latents [1, C, h, w] of a picture uint8 [H, W, 3] that has the backbone's resolution."""
        return self.latents([picture], self.noise(generator))

    def noise(self, generator: torch.Generator) -> Tensor:
        """The standard normal noise of one picture's latents [1, C, h, w], on the CPU."""
        return torch.randn((1, *self._backbone.latent_shape), generator=generator)

    def latents(self, pictures: Sequence[ImageArray], noise: Tensor, fresh: bool = False) -> Tensor:
        """Scaled latents [B, C, h, w] of such pictures with the `noise` of that shape.

        `fresh` pictures will not be seen again: they are encoded as one batch and not cached.
        """
        noise = self._backbone.hardware.upload(noise)
        if fresh:
            return self._sampled(self._encode(pictures), noise)
        # each is encoded alone: what else is in the batch changes no bit
        found = [self._cached(picture) for picture in pictures]
        return torch.cat([self._sampled(one, part) for one, part in zip(found, noise[:, None], strict=True)])

    def mean(self, picture: ImageArray) -> Tensor:
        """The scaled mean latents [1, C, h, w] of such a picture, without sampling, for editing."""
        mean, _ = self._cached(picture)
        return mean * self._scale

    @property
    def _scale(self) -> float:
        return float(self._backbone.vae.config["scaling_factor"])

    def _sampled(self, distribution: Distribution, noise: Tensor) -> Tensor:
        mean, std = distribution
        return (mean + std * noise) * self._scale

    def _cached(self, picture: ImageArray) -> Distribution:
        key = pixel_hash(picture)
        found = self._cache.pop(key, None)
        if found is None:
            found = self._encode([picture])
        self._cache[key] = found
        while len(self._cache) > max(1, CACHED_BYTES // (found[0].nbytes + found[1].nbytes)):
            self._cache.popitem(last=False)
        return found

    @torch.no_grad()
    def _encode(self, pictures: Sequence[ImageArray]) -> Distribution:
        pixels = self._backbone.hardware.upload(torch.from_numpy(np.stack(pictures)))
        encoded: Any = self._backbone.vae.encode(pixels.permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1)
        distribution = encoded.latent_dist
        return distribution.mean, distribution.std
