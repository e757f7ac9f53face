"""Where the network looks while it draws: cross-attention maps of handles at chosen sampling steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from bench.core.scenes import ImageArray
from bench.diffusion.backbone.attention import cross_attention_layers, recording
from bench.diffusion.backbone.terms import Layer, at_16
from bench.diffusion.backbone.token_maps import concept_maps, token_places
from bench.diffusion.sampling.denoise import Denoiser
from bench.diffusion.sampling.latents import decode, initial_noise
from bench.diffusion.sampling.sampler import DrawJob
from bench.plugins.backbone import Backbone


@torch.no_grad()
def draw_with_maps(
    backbone: Backbone, job: DrawJob, handles: Sequence[str], steps: Sequence[int]
) -> tuple[ImageArray, Tensor]:
    """The picture of a text, and its handles' attention maps before the sampling steps at the indices `steps`.

    The maps are float32 [steps, handles, side, side] on the CPU: probabilities of the text's half of the guidance,
    averaged over heads and the 16 x 16 layers as in Break-A-Scene's Figure 4 (B.1), or over all layers of the up
    blocks where a backbone has none of that side. They take one more pass per chosen step, so the picture is the
    one that `draw` gives.

    Raises `UserError` for a handle that is not within the text encoder's context.
    """
    places = token_places(backbone, job.text, handles)
    denoiser = Denoiser.of(backbone, [job.text])
    latents = initial_noise(backbone, job.noise_seed).to(backbone.device)
    latents = latents * float(backbone.scheduler.init_noise_sigma)
    found = []
    for index in range(len(denoiser.times)):
        if index in steps:
            found.append(_maps(denoiser, latents, index, places))
        latents = denoiser.step(latents, index)
    return decode(backbone, latents[0]), torch.stack(found)


def resized(maps: Tensor, side: int) -> Tensor:
    """Maps [..., s, s] resized to [..., side, side] bilinearly."""
    flat = maps.reshape(-1, 1, *maps.shape[-2:])
    return interpolate(flat, size=(side, side), mode="bilinear", align_corners=False).reshape(
        *maps.shape[:-2], side, side
    )


def _maps(denoiser: Denoiser, latents: Tensor, index: int, places: Tensor) -> Tensor:
    """The maps of the tokens at `places` before a step, float32 [k, s, s] on the CPU."""
    backbone = denoiser.backbone
    unet: Any = backbone.unet  # the library does not annotate its call
    layers = _layers(backbone)
    with recording(backbone.unet, latents.shape[-1], layers.__contains__) as recorder, backbone.hardware.autocast():
        unet(latents, denoiser.times[index], denoiser.states[-1:])
    side = max(math.isqrt(one.shape[2]) for one in recorder.maps)
    return concept_maps(recorder.maps, places, side).float().cpu()


def _layers(backbone: Backbone) -> tuple[Layer, ...]:
    layers = cross_attention_layers(backbone.unet, backbone.latent_shape[-1])
    of_side_16 = tuple(layer for layer in layers if at_16(layer))
    return of_side_16 or tuple(layer for layer in layers if layer.place == "up")
