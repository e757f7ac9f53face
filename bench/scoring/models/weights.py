"""Identifies an evaluator's content by a commit or hash, and explains what to do if it is not available."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub import hf_hub_download

from bench.core.errors import UserError
from bench.core.hashing import content_hash, folder_hash
from bench.plugins.metric import Feature
from bench.scoring.models.sources import LPIPS_TRUNKS, LpipsSource, ModelSource

if TYPE_CHECKING:
    from bench.scoring.presets import Preset


def content(source: ModelSource) -> str:
    """A model's content: the hub's commit, or the SHA-256 of a folder's weights and configurations.

    Raises `UserError` if the folder has no model, or if a moving revision (`main`) is neither cached nor reachable.
    """
    if source.folder is not None:
        return f"sha256:{folder_hash(check_folder(source.folder))}"
    revision = source.revision or "main"
    return f"{source.place}@{revision if source.is_pinned else _commit_of(source.place, revision)}"


def feature_content(preset: Preset, feature: Feature) -> list[str]:
    """The content of every model that a feature is computed with; raises `UserError` if one is not available."""
    if feature == "lpips":
        return [lpips_content(preset.lpips)]
    return [content(source) for source in preset.sources_of(feature)]


def lpips_content(source: LpipsSource) -> str:
    """An LPIPS network's content: the hash of torchvision's file, or the SHA-256 of the folder or file given.

    Raises `UserError` if a folder has no network or a file cannot be read.
    """
    if source.net not in LPIPS_TRUNKS:
        return content(ModelSource(source.place or source.name))
    if source.place is None:
        return f"lpips-v0.1:{LPIPS_TRUNKS[source.net]}"
    trunk = Path(source.place)
    if not trunk.is_file():
        raise UserError(f"{trunk} cannot be read (there is no such file); give a file of trunk weights")
    return f"lpips-v0.1:sha256:{content_hash(trunk)[:40]}"


def check_folder(folder: Path) -> Path:
    """Return the folder; raises `UserError` if there is no model in it."""
    if not (folder / "config.json").is_file():
        raise UserError(
            f"there is no model in {folder} (no config.json); Playroom's are trained with "
            "`python -m bench.playroom.train`, a YOLO-seg is made by `bench convert-yolo`, for others give a folder in "
            "Hugging Face layout"
        )
    return folder


def not_had(source: ModelSource, error: Exception) -> str:
    """The error message for a model that cannot be loaded, with what to do."""
    why = " ".join(str(error).split())[:140] or type(error).__name__
    if source.folder is not None:
        return f"the model in {source.folder} cannot be loaded ({why}); it needs whole safetensors weights"
    return (
        f"the model {source.place} (revision {source.revision}) is neither in the hub's cache nor to be "
        f"had from the hub ({why}); where there is a network, run "
        f"`hf download {source.place} --revision {source.revision}` and bring the cache here ($HF_HOME), or "
        "take another metric preset, such as playroom (`bench masks`: another --model)"
    )


@cache
def _commit_of(hub_id: str, revision: str) -> str:
    """The commit that a revision resolves to: the name of the folder in the hub's cache with its configuration."""
    from bench.scoring.models.availability import check_model  # noqa: PLC0415 - it imports this module

    check_model(ModelSource(hub_id, revision))  # in seconds: a download is tried again and again for half a minute
    try:
        return Path(hf_hub_download(hub_id, "config.json", revision=revision)).parent.name
    except (OSError, ValueError) as error:
        raise UserError(not_had(ModelSource(hub_id, revision), error)) from error
