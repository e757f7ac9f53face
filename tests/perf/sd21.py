"""Stable Diffusion 2.1 base at its full size with random weights: for timings and memory alone.

The configuration is that of `stable-diffusion-2-1-base` on the hub; nothing is downloaded. Parameters: UNet
865,910,724, text encoder 340,387,840, autoencoder 83,653,863.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from bench.core.device import Hardware
from bench.diffusion.backbone.stable_diffusion import StableDiffusion
from bench.plugins.backbone_settings import BackboneSettings

UNET: dict[str, Any] = {
    "sample_size": 64,
    "block_out_channels": (320, 640, 1280, 1280),
    "attention_head_dim": (5, 10, 20, 20),
    "cross_attention_dim": 1024,
    "use_linear_projection": True,
}
AUTOENCODER: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
    "sample_size": 768,
}
TEXT: dict[str, Any] = {
    "vocab_size": 49408,
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 23,
    "num_attention_heads": 16,
    "max_position_embeddings": 77,
    "hidden_act": "gelu",
    "projection_dim": 512,
}
SCHEDULER: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "steps_offset": 1,
    "prediction_type": "epsilon",
}


def build(
    hardware: Hardware, settings: BackboneSettings | None = None, kind: type[StableDiffusion] = StableDiffusion
) -> StableDiffusion:
    """The backbone with random weights on this device; under a `FakeTensorMode` it has shapes and no memory."""
    torch.manual_seed(0)
    with hardware.device:
        networks = {
            "unet": UNet2DConditionModel(**UNET),
            "vae": AutoencoderKL(**AUTOENCODER),
            "text_encoder": CLIPTextModel(CLIPTextConfig(**TEXT)),
        }
    pipeline = StableDiffusionPipeline(
        **networks,
        tokenizer=tokenizer(),
        scheduler=DDIMScheduler(**SCHEDULER),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    return kind(pipeline, settings or BackboneSettings(), hardware)


def tokenizer() -> CLIPTokenizer:
    """CLIP's, but that every letter is a token; the rest of its 49,408 tokens never occur."""
    letters = [chr(code) for code in range(33, 127)]
    words = [*letters, *(f"{letter}</w>" for letter in letters)]
    unused = [f"unused-{index}" for index in range(TEXT["vocab_size"] - len(words) - 2)]
    pieces = [*words, *unused, "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={piece: at for at, piece in enumerate(pieces)}, merges=[], model_max_length=77)
