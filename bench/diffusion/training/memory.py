"""Predicts how much of a device's memory a fit needs, before anything is loaded. Imports no torch until it reads sizes.

The formula counts weights, gradients and moments exactly and activations by a constant. `nox -s perf -- cost` counts
every live tensor of a step instead; the two agree within a tenth on Stable Diffusion 2.1 (a test).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.core.device import Memory
from bench.diffusion.training.recipe import PIECES, Phase, Recipe

WEIGHT, GRADIENT, MOMENTS, CAST = 4, 4, 8, 2
"""Bytes of a number: weights and gradients are float32, Adam keeps two moments, passes cast weights to 16 bits."""
CUDA_CONTEXT = 2**29
"""Bytes that CUDA, its libraries and their workspaces take besides tensors, about."""


@dataclass(frozen=True)
class BackboneSize:
    """Numbers of weights of a backbone's networks, the trainable ones by name, and what its activations grow with.

    `cells` is latents' height times width, `width` the channels of the UNet's first block, `handle` the numbers of a
    token's embedding.
    """

    trainable: Mapping[str, int]
    frozen: int
    cells: int
    width: int
    handle: int

    def trained(self, phase: Phase) -> int:
        """The number of weights that a phase trains, without handles."""
        pieces = PIECES[phase.trains]
        return sum(count for name, count in self.trainable.items() if any(piece in name for piece in pieces))


SD21 = BackboneSize({"unet.": 865_910_724, "text_encoder.": 340_387_840}, 83_653_863, 64 * 64, 320, 1024)
"""Stable Diffusion 2.1 at 512 pixels; enough for phases that train handles or everything."""


def peak_memory(recipe: Recipe, size: BackboneSize, memory: Memory, cohort: int = 1) -> int:
    """The predicted peak in bytes of the recipe's fit in half precision: that of its largest phase.

    The phases that several scenes share have the rows of a `cohort` of them. Without a step there are weights alone.
    """
    peaks = [
        _peak_of_phase(recipe, phase, size, memory, cohort if index < recipe.shared_phases else 1)
        for index, phase in enumerate(recipe.phases)
        if phase.steps
    ]
    return max(peaks, default=_weights(size) + CUDA_CONTEXT)


def _weights(size: BackboneSize) -> int:
    """The bytes of all weights, trained and frozen."""
    return WEIGHT * (sum(size.trainable.values()) + size.frozen)


def _peak_of_phase(recipe: Recipe, phase: Phase, size: BackboneSize, memory: Memory, cohort: int) -> int:
    trainable, trained = sum(size.trainable.values()), size.trained(phase)
    own_loss = phase.objective is not None  # which is called for one sample at a time
    rows = cohort * (1 if own_loss else phase.batch) * (1 + (recipe.prior is not None and trained > 0))
    weights = _weights(size)
    cast = trained + CAST_AT_ONCE[memory] * (trainable - trained)
    forward = CAST * cast + ACTIVATIONS[memory] * size.cells * size.width * rows
    gradients = GRADIENT * trained
    if memory == "low":
        # as counted: computing layers again leaves their cast weights beside the gradients
        whole = recipe.optimiser.clip is not None or (own_loss and phase.batch > 1)
        return round(weights + forward + (gradients if whole else 0) + CUDA_CONTEXT)
    return round(weights + MOMENTS * trained + max(forward, gradients) + CUDA_CONTEXT)


ACTIVATIONS: Mapping[Memory, float] = {"default": 900.0, "low": 150.0}
"""Bytes of activations per latent cell, channel of the first block and row, as counted on Stable Diffusion 2.1."""
CAST_AT_ONCE: Mapping[Memory, float] = {"default": 1.0, "low": 0.6}
"""The share of the frozen weights whose 16 bit copies are there at once, for the backward pass; counted likewise."""


def read_size(folder: Path, resolution: int | None) -> BackboneSize:
    """The size of the pipeline in a folder, by its configuration alone, for pictures of this side (None: its own)."""
    import torch  # noqa: PLC0415 - slow to import
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL  # noqa: PLC0415
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel  # noqa: PLC0415
    from transformers import CLIPTextConfig, CLIPTextModel  # noqa: PLC0415

    parts = {part: json.loads((folder / part / "config.json").read_bytes()) for part in ("unet", "vae", "text_encoder")}
    # Any: the libraries annotate building from a configuration in part.
    build: Any = {"unet": UNet2DConditionModel.from_config, "vae": AutoencoderKL.from_config}
    with torch.device("meta"):
        networks = {name: make(parts[name]) for name, make in build.items()}
        networks["text_encoder"] = CLIPTextModel(CLIPTextConfig(**parts["text_encoder"]))
    trainable = {
        f"{name}.{weight}": tensor.numel()
        for name in ("unet", "text_encoder")
        for weight, tensor in networks[name].named_parameters()
    }
    side = int(parts["unet"]["sample_size"])
    if resolution is not None:
        side = resolution // 2 ** (len(parts["vae"]["block_out_channels"]) - 1)
    frozen = sum(tensor.numel() for tensor in networks["vae"].parameters())
    width, handle = int(parts["unet"]["block_out_channels"][0]), int(parts["text_encoder"]["hidden_size"])
    return BackboneSize(trainable, frozen, side * side, width, handle)
