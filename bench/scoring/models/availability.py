"""Whether a preset's models can be had at all: in the hub's cache, in a folder, or by the network; loads nothing."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, try_to_load_from_cache
from huggingface_hub.constants import ENDPOINT, HF_HUB_OFFLINE

from bench.core.errors import UserError, one_line
from bench.plugins.metric import Feature
from bench.scoring.models.sources import LPIPS_TRUNKS, LpipsSource, ModelSource
from bench.scoring.models.weights import check_folder, not_had
from bench.scoring.presets import Preset

PATIENCE = 5.0
"""Seconds that the network is given to answer."""
_TRUNKS = "https://download.pytorch.org/models"
"""Where torchvision downloads the trunks of LPIPS from."""


def check_available(preset: Preset, features: Iterable[Feature]) -> None:
    """Raise `UserError`, in seconds and one line, if a model of these features is neither here nor to be had."""
    for feature in dict.fromkeys(features):
        for source in preset.sources_of(feature):
            check_model(source)
        if feature == "lpips":
            _check_lpips(preset.lpips)
        if feature == "segments" and preset.segmenter_kind == "yolo" and find_spec("ultralytics") is None:
            raise UserError(
                f"the preset {preset.name} needs the extra `yolo`: pip install 'scenebench[yolo]' (AGPL-3.0)"
            )


def check_model(source: ModelSource) -> None:
    """Raise `UserError` if a model is neither in the hub's cache, nor in its folder, nor to be had from the hub."""
    if source.folder is not None:
        check_folder(source.folder)
    elif not _is_cached(source):
        # Any: the client annotates what it calls by keyword in part.
        hub: Any = HfApi()
        try:
            hub.model_info(source.place, revision=source.revision, timeout=PATIENCE)
        except Exception as error:  # every version of the hub's client has transport errors of its own
            raise UserError(not_had(source, error)) from error


def loading_options(source: ModelSource) -> dict[str, Any]:
    """What `from_pretrained` is told of a model's revision, and that the cache has to do where the hub is away.

    Without that, each file that a model may have and this one lacks is asked for again and again, half a minute each.
    """
    if source.folder is not None:
        return {}
    away = not HF_HUB_OFFLINE and _is_cached(source) and not _hub_answers()
    return {"revision": source.revision, **({"local_files_only": True} if away else {})}


@cache
def _hub_answers() -> bool:
    """Whether the hub answers at all, within `PATIENCE`; asked once."""
    try:
        with urllib.request.urlopen(urllib.request.Request(ENDPOINT, method="HEAD"), timeout=PATIENCE):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False


def _is_cached(source: ModelSource) -> bool:
    """Whether the hub's cache has configuration and weights of the revision."""
    found = try_to_load_from_cache(source.place, "config.json", revision=source.revision)
    return isinstance(found, str) and any(Path(found).parent.glob("*.safetensors"))


def _check_lpips(source: LpipsSource) -> None:
    if source.place is not None or source.net not in LPIPS_TRUNKS:
        return
    from bench.scoring.models.lpips_networks import trunk_file  # noqa: PLC0415 - torch is slow to import

    trunk = trunk_file(source.net)
    if trunk.is_file():
        return
    address = f"{_TRUNKS}/{trunk.name}"
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=PATIENCE):
            return
    except (OSError, ValueError) as error:
        raise UserError(
            f"the trunk of {source.name} is neither in torch's cache nor to be had from {address} ({one_line(error)}); "
            f"bring it to {trunk}, or take another metric preset, such as playroom"
        ) from error
