"""Trains the autoencoder: 64x64 pixels to 16x16x4 latents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor

from bench.core.files import write_whole
from bench.core.hashing import bytes_hash
from bench.playroom.train.augment import recolour, to_tensor
from bench.playroom.train.data import SIZE, Scenes
from bench.playroom.train.loop import Draw

KL_WEIGHT = 1e-5
TOY_WEIGHT = 2.0
"""The weight of a toy's pixels relative to the background's, since the benchmark evaluates toys."""


def new_vae() -> AutoencoderKL:
    """An untrained autoencoder of a factor of 4 (0.9 M parameters)."""
    kind: Any = AutoencoderKL
    model: AutoencoderKL = kind(
        block_out_channels=(32, 64, 64),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=16,
        mid_block_add_attention=False,
        sample_size=SIZE,
    ).to(memory_format=torch.channels_last)
    return model


def freeze_encoder(vae: AutoencoderKL) -> AutoencoderKL:
    """The same autoencoder with a frozen encoder: latents computed before stay valid."""
    for part in (vae.encoder, vae.quant_conv):
        if part is not None:
            part.requires_grad_(False)
    return vae


class VaeTask:
    """L1 + MSE/2 + L1 of the edges/2, toys weighed double, and a small KL term."""

    def __init__(self, scenes: Scenes, model: AutoencoderKL) -> None:
        self.scenes = scenes
        self.model: Any = model

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        """Reconstruction and KL of one batch; `pixel` is the mean absolute error, pictures in [-1, 1]."""
        pictures, toys = _batch(self.scenes, draw)
        with torch.autocast(draw.device.type, torch.bfloat16):
            posterior = self.model.encode(pictures).latent_dist
            mean, std = posterior.mean.float(), posterior.std.float()
            drawn = self.model.decode(mean + std * draw.normal(*mean.shape)).sample.float()
        error, weight = drawn - pictures, 1 + (TOY_WEIGHT - 1) * toys
        reconstruction = (weight * error.abs()).mean() + (weight * error**2).mean() / 2 + _edges(error) / 2
        kl = (mean**2 + std**2 - 1 - 2 * std.log()).mean() / 2
        weighted = KL_WEIGHT * kl * mean[0].numel()
        return {"loss": reconstruction + weighted, "pixel": error.abs().mean(), "kl": kl}


def _batch(scenes: Scenes, draw: Draw) -> tuple[Tensor, Tensor]:
    """Pictures [B, 3, 64, 64] in [-1, 1] and toys [B, 1, 64, 64] in {0, 1}, each batch flipped or not.

    Half of the pictures have their hues turned: the toys to be learned have colours that no training scene has.
    """
    chosen = draw.rng.integers(len(scenes), size=draw.batch)
    side = draw.rng.choice((-1, 1))
    pictures = recolour(to_tensor(scenes.pictures[chosen][:, :, ::side].copy(), draw), draw)
    toys = torch.from_numpy((scenes.instances[chosen][:, None, :, ::side] > 0).copy())
    scaled = pictures.mul(2).sub(1).contiguous(memory_format=torch.channels_last)
    return scaled, toys.to(draw.device).float()


def _edges(error: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring errors: what blur does to outlines."""
    return error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()


def save_vae(model: AutoencoderKL, scenes: Scenes, folder: Path) -> None:
    """Write the autoencoder with the scale that gives its latents unit variance."""
    register: Any = model.register_to_config
    register(scaling_factor=measure_scale(model, scenes))
    model.save_pretrained(folder)


@torch.no_grad()
def measure_scale(vae: AutoencoderKL, scenes: Scenes, count: int = 512) -> float:
    """1 / standard deviation of the latents, so that scaled latents have about unit variance."""
    pictures = torch.from_numpy(scenes.pictures[:count].copy()).permute(0, 3, 1, 2).float().div(127.5).sub(1)
    encoded: Any = vae.encode(pictures)
    return float(1 / encoded.latent_dist.mean.std())


def load_latents(folder: Path, vae: AutoencoderKL, scenes: Scenes, device: torch.device) -> Tensor:
    """The latents of `encode_all`, kept in `folder` under the hash of the encoder's weights and a picture."""
    weights = b"".join(value.float().numpy().tobytes() for value in vae.encoder.state_dict().values())
    key = bytes_hash(weights + scenes.pictures[0].tobytes())[:12]
    path = folder / f"latents-{key}-n{len(scenes)}.npy"
    if not path.is_file():
        latents = encode_all(vae, scenes, device)
        write_whole(path, lambda temporary: np.save(temporary, latents.numpy()))
    return torch.from_numpy(np.load(path))


@torch.no_grad()
def encode_all(vae: AutoencoderKL, scenes: Scenes, device: torch.device) -> Tensor:
    """Scaled mean and standard deviation of every picture's latents, float16 [N, 8, 16, 16]."""
    module: Any = vae
    module.to(device).to(memory_format=torch.channels_last).eval()
    parts = []
    for start in range(0, len(scenes), 32):
        batch = torch.from_numpy(scenes.pictures[start : start + 32].copy()).permute(0, 3, 1, 2).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            posterior = module.encode(batch.float().div(127.5).sub(1)).latent_dist
        both = torch.cat([posterior.mean, posterior.std], 1).float() * module.config.scaling_factor
        parts.append(both.half().cpu())
    return torch.cat(parts)
