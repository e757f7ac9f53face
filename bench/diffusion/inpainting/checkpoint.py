"""Locates and hashes an inpainting pipeline. Imports no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from bench.core.hashing import folder_hash
from bench.diffusion.backbone.checkpoint import INDEX

PIPELINE = "StableDiffusionInpaintPipeline"
CONFIGURATION = (INDEX, "unet/config.json", "scheduler/*.json")
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


def fingerprint(source: str) -> str:
    """What the UNet's weights depend on besides the backbone: the hub's commit, or a hash of the folder.

    Raises `UserError` for a pipeline that is not available.
    """
    if not source:
        return "derived"
    folder = located(source, CONFIGURATION)
    if folder.parent.name == "snapshots":
        return f"{source}@{folder.name}"
    return f"sha256:{folder_hash(folder / 'unet')}"


def located(source: str, files: tuple[str, ...] = (*CONFIGURATION, WEIGHTS)) -> Path:
    """The folder of an inpainting pipeline; hub files that the cache lacks are downloaded.

    Raises `UserError` if it is not available or is not an inpainting pipeline.
    """
    folder = Path(source)
    if not folder.is_dir():
        folder = _downloaded(source, files)
    try:
        kind = json.loads((folder / INDEX).read_bytes())["_class_name"]
    except (OSError, ValueError, KeyError, TypeError):
        kind = "folder without a readable model_index.json"
    if kind != PIPELINE:
        raise UserError(f"inpainting={source} is a {kind}; {next_step()}")
    return folder


def _downloaded(source: str, files: tuple[str, ...]) -> Path:
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - slow to import
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        options: dict[str, Any] = {"allow_patterns": list(files)}
        return Path(snapshot_download(source, **options))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(f"inpainting={source} is neither a folder nor available from the hub; {next_step()}") from error


def next_step() -> str:
    """What to do about a pipeline that does not fit, for messages."""
    return f"name a {PIPELINE} for the backbone, such as sd2-community/stable-diffusion-2-inpainting for sd21"
