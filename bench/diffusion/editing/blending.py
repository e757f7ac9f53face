"""What an edit's region begins with, and what the latents outside it are replaced by after each step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor

from bench.diffusion.sampling.denoise import Denoiser
from bench.plugins.method import Blending


class Blend(Protocol):
    """The latents [1, C, h, w] that an edit takes from noise and from the picture's clean latents."""

    def begin(self, index: int) -> Tensor:
        """All latents before the step at `index`, the first that is made."""
        ...

    def background(self, index: int) -> Tensor:
        """The latents outside the region after the step at `index`."""
        ...


class FromNoise:
    """As `scripts/text_editing_SD2.py` of omriav/blended-latent-diffusion (09565c5).

    The region begins as pure noise at whatever step is first. After each step the rest is the picture at that step's
    noise level, with fresh noise each time.
    """

    def __init__(self, denoiser: Denoiser, clean: Tensor, noise_seed: int) -> None:
        self._denoiser = denoiser
        self._clean = clean
        self._generator = torch.Generator("cpu").manual_seed(noise_seed)

    def begin(self, index: int) -> Tensor:  # noqa: ARG002 - pure noise, also if the first steps are skipped
        """Standard normal noise."""
        return self._noise()

    def background(self, index: int) -> Tensor:
        """The picture at the level of the step at `index`."""
        return self._denoiser.noised(self._clean, self._noise(), index)

    def _noise(self) -> Tensor:
        return torch.randn(self._clean.shape, generator=self._generator).to(self._clean)


class FromTarget:
    """CLiC, equation 6, as the library's inpainting pipeline for a 4-channel UNet: one noise for all steps.

    The region begins as the noised picture, so its shapes and colours show through. After each step the rest is the
    picture at the level that the step leads to; after the last one it is clean.
    """

    def __init__(self, denoiser: Denoiser, clean: Tensor, noise_seed: int) -> None:
        self._denoiser = denoiser
        self._clean = clean
        self._noise = torch.randn(clean.shape, generator=torch.Generator("cpu").manual_seed(noise_seed)).to(clean)

    def begin(self, index: int) -> Tensor:
        """The picture at the level of the step at `index`."""
        return self._denoiser.noised(self._clean, self._noise, index)

    def background(self, index: int) -> Tensor:
        """The picture at the level of the next step."""
        return self._denoiser.noised(self._clean, self._noise, index + 1)


BLENDINGS: Mapping[Blending, Callable[[Denoiser, Tensor, int], Blend]] = {
    "from-noise": FromNoise,
    "from-target": FromTarget,
}
