"""The interface of backbones: a text-to-image latent diffusion model that a method may change freely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bench.plugins.backbone_settings import BackboneSettings

if TYPE_CHECKING:
    import torch
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler
    from torch import Tensor
    from transformers import CLIPTextModel, CLIPTokenizer

    from bench.core.device import Hardware


@dataclass(frozen=True)
class BackboneLimits:
    """What a scene must fit: known of a backbone before its weights are loaded.

    Pictures are `resolution` pixels wide, their latents `latent_side`. The text encoder reads `text_length` tokens,
    with those of the beginning and the end; `count_tokens` counts a text's tokens without them, a handle as one.
    """

    resolution: int
    latent_side: int
    text_length: int
    count_tokens: Callable[[str], int]


class Backbone(Protocol):
    """A loaded Stable Diffusion 1.x/2.x pipeline.

    Weights are float32; `hardware` says where and in which precision forward passes run. `vae` is never trained.
    """

    hardware: Hardware
    unet: UNet2DConditionModel
    vae: AutoencoderKL
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer
    scheduler: DDIMScheduler

    @property
    def settings(self) -> BackboneSettings:
        """Its sampler, budgets and resolution, as it was loaded with them; they stay."""
        ...

    def restore(self) -> None:
        """Undo whatever a method did to weights, vocabulary and gradients, and `move_away`."""
        ...

    def move_away(self) -> None:
        """Leave the device's memory to another program, until `restore` is called; nothing can be computed between."""
        ...

    def original(self, name: str) -> Tensor:
        """The original value of the parameter of that name in `parameters`, on the CPU."""
        ...

    @property
    def device(self) -> torch.device:
        """The device of the networks."""
        ...

    @property
    def resolution(self) -> int:
        """Height and width of its pictures in pixels."""
        ...

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of a picture's latents."""
        ...

    def tokenize(self, texts: list[str]) -> Tensor:
        """Token ids, padded and truncated to the text encoder's length, int64 [N, L], on the CPU."""
        ...

    def encode_text(self, texts: list[str]) -> Tensor:
        """The text encoder's last hidden states, [N, L, width]."""
        ...

    def pipeline(self) -> StableDiffusionPipeline:
        """A pipeline over the networks as they are now, with the official sampler."""
        ...

    def parameters(self) -> dict[str, torch.nn.Parameter]:
        """Every parameter of the trainable networks by its name: `unet.conv_in.weight`, ..."""
        ...
