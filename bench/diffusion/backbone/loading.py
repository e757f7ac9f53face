"""Loads a Stable Diffusion 1.x/2.x pipeline as a backbone: safetensors only, without missing weights."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from safetensors import SafetensorError
from transformers import CLIPTextModel

from bench.core.device import Hardware
from bench.core.errors import UserError
from bench.core.text import count
from bench.diffusion.backbone.checkpoint import INDEX, BackboneSpec, _line, _next_step, locate
from bench.diffusion.backbone.stable_diffusion import _PIPELINES_OFFSET, StableDiffusion, official_scheduler
from bench.plugins.backbone_settings import BackboneSettings, read_settings

NETWORKS: Mapping[str, type[Any]] = {
    "unet": UNet2DConditionModel,
    "vae": AutoencoderKL,
    "text_encoder": CLIPTextModel,
}
"""The pipeline's networks by folder name."""
KNOWN_BUFFERS = ("position_ids",)
"""Last part of the names of tensors that older library versions saved beside the weights and none reads."""
_TOLD = 3

_log = logging.getLogger(__name__)


def load_backbone(spec: BackboneSpec, hardware: Hardware, settings: BackboneSettings | None = None) -> StableDiffusion:
    """Load a backbone in float32, with its folder's settings unless others are given.

    Unexpected weights of the checkpoint are ignored, with a warning that names them.

    Raises `UserError` if it is not available, is damaged, lacks weights (they would be random) or is not a Stable
    Diffusion 1.x/2.x pipeline.
    """
    folder = locate(spec)
    with loading(spec):
        _check_text_encoder(spec, folder)
        networks = {name: load_network(spec, folder, name) for name in NETWORKS}
        config: Any = DDIMScheduler.load_config(folder, subfolder="scheduler")
        pipeline = StableDiffusionPipeline.from_pretrained(
            folder,
            **networks,
            scheduler=official_scheduler(config, _PIPELINES_OFFSET),
            safety_checker=None,
            requires_safety_checker=False,
        )
    _check(spec, pipeline)
    return StableDiffusion(pipeline, settings or read_settings(folder), hardware)


@contextlib.contextmanager
def loading(spec: BackboneSpec) -> Iterator[None]:
    """Silence the libraries' progress bars and reports; their exceptions become a `UserError` of one line."""
    # Any: partly untyped. Missing and unknown weights of a checkpoint are reported here, in one line.
    libraries: list[Any] = [diffusers.utils.logging, transformers.utils.logging]
    shown = [(library, library.is_progress_bar_enabled(), library.get_verbosity()) for library in libraries]
    for library in libraries:
        library.disable_progress_bar()
        library.set_verbosity_error()
    try:
        yield
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        message = f"{spec.source} cannot be loaded as a Stable Diffusion 1.x/2.x pipeline: {_line(error)}"
        raise UserError(message) from error
    finally:
        for library, bars, verbosity in shown:
            library.set_verbosity(verbosity)
            if bars:
                library.enable_progress_bar()


def load_network(spec: BackboneSpec, folder: Path, name: str) -> Any:
    """One of the pipeline's networks in float32, if the checkpoint has all of its weights."""
    network, report = NETWORKS[name].from_pretrained(
        folder, subfolder=name, dtype=torch.float32, use_safetensors=True, output_loading_info=True
    )
    missing = sorted(report["missing_keys"])
    if missing:
        raise UserError(
            f"{spec.source} is not a whole pipeline: it lacks {count(len(missing), 'weight')} of its {name}, "
            f"{missing[0]} among them; {_next_step()}"
        )
    unknown = sorted(key for key in report["unexpected_keys"] if key.rpartition(".")[2] not in KNOWN_BUFFERS)
    if unknown:
        told = ", ".join(unknown[:_TOLD]) + (", ..." if len(unknown) > _TOLD else "")
        _log.warning("%s: not used: %s of its %s: %s", spec.source, count(len(unknown), "weight"), name, told)
    return network


def _check_text_encoder(spec: BackboneSpec, folder: Path) -> None:
    kind = json.loads((folder / INDEX).read_bytes())["text_encoder"][1]
    if kind != CLIPTextModel.__name__:
        raise UserError(
            f"{spec.source} is not a Stable Diffusion 1.x/2.x pipeline (text encoder {kind}); {_next_step()}"
        )


def _check(spec: BackboneSpec, pipeline: StableDiffusionPipeline) -> None:
    unet = pipeline.unet.config
    if unet["in_channels"] != pipeline.vae.config["latent_channels"]:
        raise UserError(
            f"{spec.source} is not a Stable Diffusion 1.x/2.x pipeline "
            f"(UNet with {unet['in_channels']} input channels); {_next_step()}"
        )
    prediction = pipeline.scheduler.config["prediction_type"]
    if prediction not in ("epsilon", "v_prediction"):
        raise UserError(f"{spec.source} predicts '{prediction}'; only epsilon and v_prediction are supported")
