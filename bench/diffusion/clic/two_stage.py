"""Two-stage sampling: the first steps with the original networks, the rest with the fitted ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from bench.core.scenes import ImageArray
from bench.diffusion.sampling.denoise import Denoiser
from bench.diffusion.sampling.latents import decode, initial_noise
from bench.diffusion.sampling.sampler import DrawJob, warn_of_long_texts
from bench.plugins.backbone import Backbone


def begin(backbone: Backbone, jobs: Sequence[DrawJob], steps: int, batch_size: int) -> list[Tensor]:
    """Each job's latents [1, C, h, w] after its first `steps` sampling steps with the current networks, on the CPU."""
    begun: list[Tensor] = []
    for start in range(0, len(jobs), batch_size):
        batch = jobs[start : start + batch_size]
        denoiser = Denoiser.of(backbone, [job.text for job in batch])
        latents = torch.cat([initial_noise(backbone, job.noise_seed) for job in batch]).to(backbone.device)
        for index in range(steps):
            latents = denoiser.step(latents, index)
        begun.extend(latents.cpu().split(1))  # type: ignore[no-untyped-call]
    return begun


def finish(
    backbone: Backbone, texts: Sequence[str], begun: Sequence[Tensor], steps: int, batch_size: int
) -> Iterator[ImageArray]:
    """The pictures uint8 [H, W, 3], in order, from latents that have `steps` steps behind them.

    Texts longer than the text encoder's context are truncated, with a warning, as in `draw`.
    """
    warn_of_long_texts(backbone, texts)
    for start in range(0, len(texts), batch_size):
        denoiser = Denoiser.of(backbone, texts[start : start + batch_size])
        latents = torch.cat(list(begun[start : start + batch_size])).to(backbone.device)
        for index in range(steps, len(denoiser.times)):
            latents = denoiser.step(latents, index)
        for one in latents:
            yield decode(backbone, one)
