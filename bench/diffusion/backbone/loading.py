"""Loads a Stable Diffusion 1.x/2.x pipeline as a backbone."""

from __future__ import annotations

from typing import Any

import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from safetensors import SafetensorError

from bench.core.device import Hardware
from bench.core.errors import UserError
from bench.diffusion.backbone.checkpoint import BackboneSpec, _line, _next_step, locate
from bench.diffusion.backbone.stable_diffusion import _PIPELINES_OFFSET, StableDiffusion, official_scheduler
from bench.plugins.backbone_settings import read_settings


def load_backbone(spec: BackboneSpec, hardware: Hardware) -> StableDiffusion:
    """Load a backbone in float32.

    Raises `UserError` if it cannot be had, is damaged or is not a Stable Diffusion 1.x/2.x pipeline.
    """
    folder = locate(spec)
    try:
        config: Any = DDIMScheduler.load_config(folder, subfolder="scheduler")
        pipeline = StableDiffusionPipeline.from_pretrained(
            folder,
            scheduler=official_scheduler(config, _PIPELINES_OFFSET),
            safety_checker=None,
            requires_safety_checker=False,
            dtype=torch.float32,
            use_safetensors=True,
        )
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        message = f"{spec.source} cannot be loaded as a Stable Diffusion 1.x/2.x pipeline: {_line(error)}"
        raise UserError(message) from error
    _check(spec, pipeline)
    return StableDiffusion(pipeline, read_settings(folder), hardware)


def _check(spec: BackboneSpec, pipeline: StableDiffusionPipeline) -> None:
    unet, encoder = pipeline.unet.config, type(pipeline.text_encoder).__name__
    if encoder != "CLIPTextModel" or unet["in_channels"] != pipeline.vae.config["latent_channels"]:
        raise UserError(
            f"{spec.source} is not a Stable Diffusion 1.x/2.x pipeline (text encoder {encoder}, "
            f"UNet with {unet['in_channels']} input channels); {_next_step()}"
        )
    prediction = pipeline.scheduler.config["prediction_type"]
    if prediction not in ("epsilon", "v_prediction"):
        raise UserError(f"{spec.source} predicts '{prediction}'; only epsilon and v_prediction are supported")
