"""YOLO-seg as a folder with `config.json` and `model.safetensors`; built by ultralytics, without unpickling."""

from __future__ import annotations

import atexit
import copy
import importlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from bench.core.errors import UserError
from bench.core.files import read_json, write_json, write_whole
from bench.core.leftovers import scratch_prefix

ARCHITECTURE = "config.json"
WEIGHTS = "model.safetensors"
SCHEMA = 1


@dataclass(frozen=True)
class Architecture:
    """The network's architecture: ultralytics' model description, class names in order, input side in pixels."""

    description: Mapping[str, Any]
    names: tuple[str, ...]
    side: int


def ultralytics(module: str) -> Any:
    """Import a module of ultralytics without its network requests, files in the home folder and patches of libraries.

    Raises `UserError` if the package (or a library that it needs) is missing.
    """
    if "YOLO_CONFIG_DIR" not in os.environ:
        folder = tempfile.mkdtemp(prefix=f"{scratch_prefix()}yolo-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["YOLO_CONFIG_DIR"] = folder
    os.environ.update(YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false", YOLO_VERBOSE="false")
    try:
        with _unpatched():
            # dict's own update: the settings' own would write them to disk
            dict.update(importlib.import_module("ultralytics.utils").SETTINGS, sync=False)
            return importlib.import_module(f"ultralytics.{module}")
    except ModuleNotFoundError as error:
        raise UserError(f"YOLO needs the extra `yolo` ({error}): pip install 'scenebench[yolo]' (AGPL-3.0)") from error
    except ImportError as error:
        raise UserError(
            f"YOLO's libraries cannot be loaded ({_line(error)}); where there is no libGL: "
            "pip uninstall -y opencv-python && pip install opencv-python-headless"
        ) from error


@contextmanager
def _unpatched() -> Iterator[None]:
    """Undo ultralytics' patches of other libraries.

    Its `Image.open` installs a package for a file that is not a picture, its `torch.save` retries repeatedly, and
    worker processes started later would inherit its limit of one thread.
    """
    threads, open_image, save_tensors = os.environ.get("OMP_NUM_THREADS"), Image.open, torch.save
    try:
        yield
    finally:
        Image.open, torch.save = open_image, save_tensors
        if threads is None:
            os.environ.pop("OMP_NUM_THREADS", None)


def build(architecture: Architecture) -> nn.Module:
    """An untrained network of the architecture; raises `UserError` if ultralytics cannot build it."""
    tasks = ultralytics("nn.tasks")
    description = copy.deepcopy(dict(architecture.description))
    try:
        model: nn.Module = tasks.SegmentationModel(description, nc=len(architecture.names), verbose=False)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, NotImplementedError) as error:
        raise UserError(
            f"ultralytics cannot build this architecture ({error!r}); convert the .pt file again"
        ) from error
    return model


def load(folder: Path, device: torch.device) -> tuple[nn.Module, Architecture]:
    """The fused network in evaluation mode with its architecture; raises `UserError` if the folder holds none."""
    architecture = read_architecture(folder)
    model: Any = build(architecture)
    try:
        model.load_state_dict(read_weights(folder))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise UserError(f"{folder / WEIGHTS} does not fit {ARCHITECTURE} ({_line(error)}); convert it again") from error
    fused: nn.Module = model.eval().fuse(verbose=False).to(device).requires_grad_(False)
    return fused, architecture


def read_weights(folder: Path) -> dict[str, torch.Tensor]:
    """The folder's weights by name, float32 (whole numbers as they are)."""
    stored = load_file(folder / WEIGHTS)
    return {name: value.float() if value.is_floating_point() else value for name, value in stored.items()}


def read_architecture(folder: Path) -> Architecture:
    """The architecture in a folder; raises `UserError` if there is none."""
    if not (folder / ARCHITECTURE).is_file():
        raise UserError(f"{folder} holds no YOLO ({ARCHITECTURE} is missing); make one: bench convert-yolo FILE.pt")
    content = read_json(folder / ARCHITECTURE, SCHEMA)
    return Architecture(content["description"], tuple(content["names"]), int(content["side"]))


def save(state: Mapping[str, torch.Tensor], architecture: Architecture, folder: Path) -> None:
    """Write architecture and weights, in the precision that they have, into `folder`."""
    tensors = {name: value.cpu().contiguous() for name, value in state.items()}
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / WEIGHTS, lambda path: save_file(tensors, path))
    content = {"description": dict(architecture.description), "names": _listed(architecture.names)}
    write_json(folder / ARCHITECTURE, {**content, "side": architecture.side}, SCHEMA)


def _listed(names: Sequence[str]) -> list[str]:
    return [str(name) for name in names]


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
