"""Stable Diffusion 1.x/2.x as a backbone."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from bench.core.device import Hardware
from bench.diffusion.backbone.checkpointing import checkpoint_gradients
from bench.diffusion.backbone.handles import embedding, resize_embedding
from bench.diffusion.backbone.inpainting_input import narrow_input
from bench.plugins.backbone_settings import BackboneSettings


class StableDiffusion:
    """A loaded pipeline as a `bench.plugins.backbone.Backbone`, which documents the interface."""

    def __init__(self, pipeline: StableDiffusionPipeline, settings: BackboneSettings, hardware: Hardware) -> None:
        self._settings = settings
        self.hardware = hardware
        self.unet: UNet2DConditionModel = pipeline.unet
        self.vae: AutoencoderKL = pipeline.vae.eval().requires_grad_(False)
        self.text_encoder: CLIPTextModel = pipeline.text_encoder
        self.scheduler = official_scheduler(pipeline.scheduler.config)
        self._original_tokenizer: CLIPTokenizer = pipeline.tokenizer
        self._rows = embedding(self.text_encoder).shape[0]
        self._original = {name: _copy(module) for name, module in self.trainable.items()}
        self.tokenizer: CLIPTokenizer = copy.deepcopy(pipeline.tokenizer)
        self.restore()

    def restore(self) -> None:
        """Undo whatever a method did to weights, vocabulary and gradients, and `move_away`."""
        self._move(self.device)
        self.tokenizer = copy.deepcopy(self._original_tokenizer)
        resize_embedding(self.text_encoder, self._rows)
        narrow_input(self.unet)
        for name, module in self.trainable.items():
            module.load_state_dict(self._original[name])
            module.eval().requires_grad_(False)
            module.zero_grad(set_to_none=True)
        if self.hardware.memory == "low":
            checkpoint_gradients(self.unet, self.text_encoder)

    def move_away(self) -> None:
        """Move the networks to the CPU and return the device's cached memory, until `restore` is called."""
        self._move(torch.device("cpu"))
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _move(self, device: torch.device) -> None:
        for module in (self.unet, self.vae, self.text_encoder):
            module.to(device)  # type: ignore[arg-type]

    def original(self, name: str) -> Tensor:
        """The original value of the parameter of that name in `parameters`, on the CPU."""
        prefix, own = name.split(".", maxsplit=1)
        return self._original[prefix][own]

    @property
    def settings(self) -> BackboneSettings:
        """The settings that it was loaded with; to change them, load it again."""
        return self._settings

    @property
    def device(self) -> torch.device:
        """The device of the networks."""
        return self.hardware.device

    @property
    def resolution(self) -> int:
        """Height and width of its pictures in pixels."""
        return self.settings.resolution or int(self.unet.config["sample_size"]) * self.vae_factor

    @cached_property
    def vae_factor(self) -> int:
        """Pixels per latent, along each side."""
        return int(2 ** (len(self.vae.config["block_out_channels"]) - 1))

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of a picture's latents."""
        side = self.resolution // self.vae_factor
        return int(self.unet.config["in_channels"]), side, side

    def tokenize(self, texts: list[str]) -> Tensor:
        """Token ids, padded and truncated to the text encoder's length, int64 [N, L], on the CPU."""
        length = self.text_encoder.config.max_position_embeddings
        tokens = self.tokenizer(texts, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
        ids: Tensor = tokens.input_ids
        return ids

    def encode_text(self, texts: list[str]) -> Tensor:
        """The text encoder's last hidden states, [N, L, width]."""
        ids = self.hardware.upload(self.tokenize(texts))
        states: Tensor = self.text_encoder(ids).last_hidden_state
        return states

    def pipeline(self) -> StableDiffusionPipeline:
        """A pipeline over the networks as they are now, with the official sampler."""
        # Any: the library's annotations do not admit a pipeline without a safety checker.
        make: Any = StableDiffusionPipeline
        pipeline: StableDiffusionPipeline = make(
            vae=self.vae,
            text_encoder=self.text_encoder,
            tokenizer=self.tokenizer,
            unet=self.unet,
            scheduler=official_scheduler(self.scheduler.config, _PIPELINES_OFFSET),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipeline.scheduler = self.scheduler
        pipeline.set_progress_bar_config(disable=True)  # type: ignore[no-untyped-call]
        return pipeline

    @property
    def trainable(self) -> dict[str, torch.nn.Module]:
        """The networks that methods may change: UNet and text encoder."""
        return {"unet": self.unet, "text_encoder": self.text_encoder}

    def parameters(self) -> dict[str, torch.nn.Parameter]:
        """Every parameter of the trainable networks by its name: `unet.conv_in.weight`, ..."""
        return {
            f"{prefix}.{name}": value
            for prefix, module in self.trainable.items()
            for name, value in module.named_parameters()
        }


def official_scheduler(config: Mapping[str, Any], steps_offset: int = 0) -> DDIMScheduler:
    """DDIM with the settings of the official inference, and the backbone's own betas and prediction type.

    `clip_sample` False, `set_alpha_to_one` False, `steps_offset` 0 (google/break-a-scene,
    inference.py:43-49).
    """
    own = ("beta_start", "beta_end", "beta_schedule", "num_train_timesteps", "prediction_type")
    scheduler: DDIMScheduler = DDIMScheduler(
        **{name: config[name] for name in own if name in config},
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=steps_offset,
    )
    return scheduler


_PIPELINES_OFFSET = 1
"""The pipeline's constructor rewrites an offset of 0 to 1, with a warning: it is given 1, then replaced."""


def _copy(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().to("cpu", copy=True) for name, value in module.state_dict().items()}
