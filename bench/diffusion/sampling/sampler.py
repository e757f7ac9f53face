"""Draws pictures in batches: the noise of each comes from its own seed, on the CPU."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.core.scenes import ImageArray
from bench.plugins.backbone import Backbone

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DrawJob:
    """One picture to draw: its text and the seed of its initial noise."""

    text: str
    noise_seed: int


def draw(backbone: Backbone, jobs: Sequence[DrawJob], batch_size: int) -> Iterator[ImageArray]:
    """The pictures of `jobs`, in order, by DDIM (eta 0) with the backbone's steps and guidance.

    A picture does not depend on the batch it is drawn in, up to the rounding of the arithmetic. Texts that are longer
    than the text encoder reads are cut, with a warning.
    """
    warn_of_long_texts(backbone, [job.text for job in jobs])
    for start in range(0, len(jobs), batch_size):
        for latents in _denoise(backbone, jobs[start : start + batch_size]):
            yield decode(backbone, latents)


def initial_noise(backbone: Backbone, seed: int) -> Tensor:
    """Standard normal noise [1, C, h, w] from the seed, the same on every device."""
    return torch.randn((1, *backbone.latent_shape), generator=torch.Generator("cpu").manual_seed(seed))


@torch.no_grad()
def decode(backbone: Backbone, latents: Tensor) -> ImageArray:
    """The picture uint8 [H, W, 3] of scaled latents [C, h, w].

    In float32 and one at a time: 8-bit mantissas show in a picture, and 512-px decoders need gigabytes a
    picture.
    """
    vae: Any = backbone.vae
    scaled = latents[None].float() / vae.config["scaling_factor"]
    pixels: Tensor = vae.decode(scaled).sample[0].permute(1, 2, 0)
    picture: ImageArray = ((pixels + 1) * 127.5).round().clamp(0, 255).cpu().numpy().astype(np.uint8)
    return picture


@torch.no_grad()
def _denoise(backbone: Backbone, batch: Sequence[DrawJob]) -> Tensor:
    """Scaled latents [B, C, h, w] of the batch's texts."""
    noise = torch.cat([initial_noise(backbone, job.noise_seed) for job in batch])
    with backbone.hardware.autocast():
        drawn: Any = backbone.pipeline()(
            prompt_embeds=backbone.encode_text([job.text for job in batch]),
            negative_prompt_embeds=backbone.encode_text([""] * len(batch)),
            height=backbone.resolution,
            width=backbone.resolution,
            latents=noise.to(backbone.device),
            num_inference_steps=backbone.settings.sampler.steps,
            guidance_scale=backbone.settings.sampler.guidance,
            output_type="latent",
        )
    latents: Tensor = drawn.images
    return latents


def warn_of_long_texts(backbone: Backbone, texts: Sequence[str]) -> None:
    """Say in one line which of the texts are longer than the text encoder reads."""
    longest = backbone.text_encoder.config.max_position_embeddings
    lengths = [len(ids) for ids in backbone.tokenizer(list(texts), verbose=False).input_ids] if texts else []
    cut = [text for text, length in zip(texts, lengths, strict=True) if length > longest]
    if cut:
        _log.warning(
            "%d of %d texts are longer than the text encoder's %d tokens, so their ends are not read: '%s'",
            len(cut), len(texts), longest, max(cut, key=len),
        )  # fmt: skip
