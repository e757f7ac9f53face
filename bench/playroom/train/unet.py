"""Trains the denoising network and its text encoder together on the autoencoder's latents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from bench.playroom.train.data import Scenes
from bench.playroom.train.export import write_folder, write_settings
from bench.playroom.train.loop import Draw, plain_attention
from bench.playroom.train.tokenizer import MAX_LENGTH, make_tokenizer, special_tokens
from bench.playroom.world.captions import caption

TEXT_WIDTH = 128
EMPTY = 0.1
"""Share of empty prompts, for classifier-free guidance."""
MIN_SNR = 5.0
"""Gamma of the min-SNR weighting (Hang et al. 2023, equation 7)."""
TOY_WEIGHT = 3.0
"""The weight of the loss of a latent that a toy covers, relative to the background's."""


def new_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """An untrained text encoder (0.7 M parameters)."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=TEXT_WIDTH,
        intermediate_size=4 * TEXT_WIDTH,
        projection_dim=TEXT_WIDTH,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=MAX_LENGTH,
        **special_tokens(tokenizer),
    )
    return CLIPTextModel(config)


def new_unet() -> UNet2DConditionModel:
    """An untrained denoiser (4.8 M parameters) with cross-attention, two heads, at 16x16 and 8x8."""
    kind: Any = UNet2DConditionModel
    model: UNet2DConditionModel = kind(
        sample_size=16,
        block_out_channels=(64, 96, 128),
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=2,
        norm_num_groups=16,
    ).to(memory_format=torch.channels_last)
    return model


def new_scheduler() -> DDIMScheduler:
    """Stable Diffusion's schedule, as the official inference sets it."""
    kind: Any = DDIMScheduler
    scheduler: DDIMScheduler = kind(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=0,
    )
    return scheduler


class UnetTask:
    """The noise-prediction loss with min-SNR weights on captions drawn anew each time."""

    def __init__(self, scenes: Scenes, latents: Tensor, weights: Path | None) -> None:
        self.scenes, self.latents = scenes, latents
        self.tokenizer = make_tokenizer()
        self.levels = new_scheduler().alphas_cumprod
        self.model = nn.ModuleDict(_new_parts(self.tokenizer) if weights is None else _load_parts(weights))

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        """The weighted loss of one batch, and the plain mean squared error of the noise."""
        chosen = draw.rng.integers(len(self.scenes), size=draw.batch)
        mean, std = self.latents[torch.from_numpy(chosen)].to(draw.device).float().chunk(2, dim=1)
        latents = mean + std * draw.normal(*mean.shape)
        noise = draw.normal(*mean.shape)
        times = _spread_times(draw)
        signal = self.levels[times].to(draw.device)
        share = signal[:, None, None, None]
        noisy = (share.sqrt() * latents + (1 - share).sqrt() * noise).contiguous(memory_format=torch.channels_last)
        with torch.autocast(draw.device.type, torch.bfloat16), plain_attention(draw.device):
            text = self.model["text_encoder"](self._tokens(chosen, draw)).last_hidden_state
            predicted = self.model["unet"](noisy, times.to(draw.device), text).sample.float()
        squares = (predicted - noise) ** 2
        errors = (self._toys(chosen, draw) * squares).mean(dim=(1, 2, 3))
        return {"loss": (_min_snr(signal) * errors).mean(), "mse": squares.mean()}

    def _toys(self, chosen: NDArray[np.int64], draw: Draw) -> Tensor:
        """The weight of each latent [B, 1, 16, 16]: more where a toy is, backgrounds being easily learned."""
        inside = torch.from_numpy(self.scenes.instances[chosen] > 0)[:, None].to(draw.device).float()
        return 1 + (TOY_WEIGHT - 1) * avg_pool2d(inside, inside.shape[-1] // self.latents.shape[-1])

    def _tokens(self, chosen: NDArray[np.int64], draw: Draw) -> Tensor:
        texts = ["" if draw.rng.uniform() < EMPTY else caption(self.scenes.scenes[index], draw.rng) for index in chosen]
        tokens = self.tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt")
        ids: Tensor = tokens.input_ids
        return ids.to(draw.device)


def _min_snr(signal: Tensor) -> Tensor:
    """The weight of each picture by its share of signal, alpha-bar."""
    ratio = signal / (1 - signal)
    return ratio.clamp(max=MIN_SNR) / ratio


def _spread_times(draw: Draw) -> Tensor:
    """Noise levels [B], uniform over 0 to 999, but one in each of B equal parts: a less noisy gradient."""
    within = torch.rand(draw.batch, generator=draw.generator)
    return ((torch.arange(draw.batch) + within) * (1000 / draw.batch)).long().clamp(max=999)


def save_pipeline(model: nn.ModuleDict, vae: AutoencoderKL, folder: Path) -> None:
    """Write the pipeline in Hugging Face layout, fp16 safetensors."""
    kind: Any = StableDiffusionPipeline
    pipeline = kind(
        vae=vae,
        text_encoder=model["text_encoder"],
        tokenizer=make_tokenizer(),
        unet=model["unet"],
        scheduler=new_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.to(dtype=torch.float16)
    # The constructor raises steps_offset to 1; the official inference has 0.
    pipeline.scheduler = new_scheduler()
    write_folder(folder, pipeline.save_pretrained)
    write_settings(folder)


def _new_parts(tokenizer: CLIPTokenizer) -> dict[str, nn.Module]:
    return {"unet": new_unet(), "text_encoder": new_text_encoder(tokenizer)}


def _load_parts(folder: Path) -> dict[str, nn.Module]:
    return {
        "unet": UNet2DConditionModel.from_pretrained(folder, subfolder="unet"),
        "text_encoder": CLIPTextModel.from_pretrained(folder, subfolder="text_encoder", dtype=torch.float32),
    }
