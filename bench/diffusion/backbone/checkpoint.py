"""Locates a backbone (a preset, a hub id or a folder) and hashes its content. Imports no torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.core.checkpoints import BACKBONES, mirrors
from bench.core.errors import UserError
from bench.core.hashing import folder_hash
from bench.plugins.backbone_settings import FILE as SETTINGS_FILE
from bench.plugins.backbone_settings import BackboneSettings

PIPELINE = "StableDiffusionPipeline"
INDEX = "model_index.json"
CONFIGURATION = [INDEX, SETTINGS_FILE, "*/*.json", "*/*.txt"]
FILES = [*CONFIGURATION, "*/*.safetensors"]
NETWORKS = ("unet", "vae", "text_encoder")
"""The pipeline's folders that must have weights."""
PATIENCE = 5.0
"""Seconds that the hub is given to answer."""
LEFT_OUT = ["safety_checker/*", "*.fp16.safetensors", "*non_ema*"]


@dataclass(frozen=True)
class BackboneSpec:
    """The source of a backbone: a preset, a hub id (with a revision) or a folder."""

    source: str
    revision: str | None = None

    @property
    def hub_ids(self) -> tuple[str, ...]:
        """What the source means: a folder, or hub ids of the same model."""
        return BACKBONES.get(self.source, (self.source,))


def locate(spec: BackboneSpec) -> Path:
    """The backbone's folder; hub files that the cache lacks are downloaded (safetensors only).

    Raises `UserError` if it is not available (naming the mirrors) or is not a Stable Diffusion text-to-image
    pipeline.
    """
    return _located(spec, FILES)


def locate_configuration(spec: BackboneSpec) -> Path:
    """`locate` without the weights: what is known of a backbone before it is loaded; raises the same."""
    return _located(spec, CONFIGURATION)


def _located(spec: BackboneSpec, files: list[str]) -> Path:
    folder = Path(spec.hub_ids[0])
    if not folder.is_dir():
        if folder.is_absolute():
            raise UserError(f"backbone {spec.source}: there is no folder {folder}; {_next_step()}")
        _check_index(spec, _download(spec, [INDEX]))
        folder = _download(spec, files)
    _check_index(spec, folder)
    return folder


def check_weights(spec: BackboneSpec) -> None:
    """Raise `UserError`, in seconds, if weights of the backbone are neither here nor to be had; downloads none."""
    folder = locate_configuration(spec)
    lacking = [name for name in NETWORKS if not any((folder / name).glob("*.safetensors"))]
    if not lacking:
        return
    if not _is_snapshot(folder):
        raise UserError(f"{spec.source} has no weights of its {lacking[0]} (*.safetensors); {_next_step()}")
    from huggingface_hub import HfApi  # noqa: PLC0415 - slow to import

    # Any: the client annotates what it calls by keyword in part.
    hub: Any = HfApi()
    try:
        hub.model_info(spec.hub_ids[0], revision=spec.revision, timeout=PATIENCE)
    except Exception as error:  # every version of the hub's client has transport errors of its own
        raise UserError(_not_had(spec, error)) from error


def picture_side(folder: Path, settings: BackboneSettings) -> int:
    """Height and width in pixels of what a backbone draws, told by its configuration alone.

    Raises `UserError` for a damaged configuration.
    """
    if settings.resolution:
        return settings.resolution
    try:
        unet, vae = (json.loads((folder / part / "config.json").read_bytes()) for part in ("unet", "vae"))
        return int(unet["sample_size"] * 2 ** (len(vae["block_out_channels"]) - 1))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"the configuration of unet and vae in {folder} cannot be read: {_line(error)}") from error


def fingerprint(spec: BackboneSpec) -> str:
    """A hash of the backbone's content: the hub's commit, or `weights_hash`."""
    folder = locate_configuration(spec)
    if _is_snapshot(folder):
        return f"{spec.hub_ids[0]}@{folder.name}"
    return f"sha256:{weights_hash(folder)}"


def weights_hash(folder: Path) -> str:
    """The `folder_hash` of a backbone without its `scenebench.json`, whose relevant settings a run records."""
    return folder_hash(folder, left_out=(SETTINGS_FILE,))


def _is_snapshot(folder: Path) -> bool:
    """Whether it is a folder of the hub's cache, named by the commit."""
    return folder.parent.name == "snapshots"


def _check_index(spec: BackboneSpec, folder: Path) -> None:
    try:
        kind = json.loads((folder / INDEX).read_bytes())["_class_name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{folder} is not a diffusion pipeline: {INDEX} is missing or damaged; {_next_step()}"
        ) from error
    if kind != PIPELINE:
        raise UserError(f"{spec.source} is a {kind}; only a {PIPELINE} (1.x or 2.x) will do; {_next_step()}")


def _download(spec: BackboneSpec, files: list[str]) -> Path:
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - slow to import
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        options: dict[str, Any] = {"allow_patterns": files, "ignore_patterns": LEFT_OUT}
        return Path(snapshot_download(spec.hub_ids[0], revision=spec.revision, **options))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(_not_had(spec, error)) from error


def _not_had(spec: BackboneSpec, error: Exception) -> str:
    others = ", ".join(mirrors(spec.hub_ids[0]))
    return (
        f"backbone {spec.source} is neither a folder nor available from the hub ({_line(error)})"
        f"{'; mirrors: ' if others else ''}{others}; {_next_step()}"
    )


def _next_step() -> str:
    known = ", ".join(BACKBONES)
    return f"give --backbone a folder, a hub id or a preset ({known}); `bench doctor` shows what is reachable"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
