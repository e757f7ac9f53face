"""Latents: initial noise, denoising of a batch of texts, and decoding to pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.core.errors import NotFiniteError
from bench.core.scenes import ImageArray
from bench.diffusion.sampling.attention_watch import current_watch
from bench.plugins.backbone import Backbone


def initial_noise(backbone: Backbone, seed: int) -> Tensor:
    """Standard normal noise [1, C, h, w] from the seed, the same on every device."""
    return torch.randn((1, *backbone.latent_shape), generator=torch.Generator("cpu").manual_seed(seed))


@torch.no_grad()
def decode(backbone: Backbone, latents: Tensor) -> ImageArray:
    """The picture uint8 [H, W, 3] of scaled latents [C, h, w].

    In float32 and one at a time: 8-bit mantissas are visible in a picture, and decoding at 512 pixels needs
    gigabytes per picture.

    Raises `NotFiniteError` for latents that are not finite.
    """
    if not torch.isfinite(latents).all():
        raise NotFiniteError(f"the drawn latents are not finite: {_cause(backbone.hardware.precision)}")
    vae: Any = backbone.vae
    scaled = latents[None].float() / vae.config["scaling_factor"]
    pixels: Tensor = vae.decode(scaled).sample[0].permute(1, 2, 0)
    picture: ImageArray = ((pixels + 1) * 127.5).round().clamp(0, 255).cpu().numpy().astype(np.uint8)
    return picture


@torch.no_grad()
def denoise(backbone: Backbone, texts: Sequence[str], noise_seeds: Sequence[int]) -> Tensor:
    """Scaled latents [B, C, h, w] of a batch of texts, by DDIM (eta 0) with the backbone's steps and guidance."""
    noise = torch.cat([initial_noise(backbone, seed) for seed in noise_seeds])
    with backbone.hardware.drawing():
        states = backbone.encode_text(list(texts))
        pipeline: Any = backbone.pipeline()  # the library's annotation of the callback lacks its arguments
        drawn: Any = pipeline(
            prompt_embeds=states,
            negative_prompt_embeds=backbone.encode_text([""] * len(texts)),
            height=backbone.resolution,
            width=backbone.resolution,
            latents=noise.to(backbone.device),
            num_inference_steps=backbone.settings.sampler.steps,
            guidance_scale=backbone.settings.sampler.guidance,
            output_type="latent",
            callback_on_step_end=_watched(backbone, texts, states, noise),
        )
    latents: Tensor = drawn.images
    return latents


def _watched(
    backbone: Backbone, texts: Sequence[str], states: Tensor, noise: Tensor
) -> Callable[[Any, int, int, dict[str, Tensor]], dict[str, Tensor]] | None:
    """What shows the latents after each step to the watch; None if nothing watches. It sees the first ones at once."""
    watch = current_watch()
    if watch is None:
        return None
    backbone.scheduler.set_timesteps(backbone.settings.sampler.steps)
    watch.look(backbone, texts, states, noise.to(backbone.device), 0)

    def after_step(_pipeline: Any, index: int, _time: int, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        watch.look(backbone, texts, states, tensors["latents"], index + 1)
        return tensors

    return after_step


def _cause(precision: str) -> str:
    """Why drawn latents are not finite, and what to do."""
    if precision == "fp32":
        return "the fit diverged; lower its learning rate"
    return "half precision overflowed; use --precision fp32"
