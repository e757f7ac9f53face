"""Checkpoints in Hugging Face layout: half precision, safetensors, put in place file by file."""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from transformers import PreTrainedModel

from bench.core.checkpoints import CHECKPOINTS
from bench.plugins.backbone_settings import FILE


def write_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write into an empty folder beside `folder`, then move each file into place."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".export-") as name:
        fill(Path(name))
        for source in sorted(path for path in Path(name).rglob("*") if path.is_file()):
            target = folder / source.relative_to(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            source.chmod(0o644)
            source.replace(target)


class Saveable(Protocol):
    """A processor that can be written in Hugging Face layout."""

    def save_pretrained(self, save_directory: str | Path) -> object:
        """Write it into a folder."""
        ...


def save_half(model: PreTrainedModel, processor: Saveable, folder: Path) -> None:
    """Write an evaluator and its processor, the weights in fp16; the model itself is unchanged."""
    half: Any = copy.deepcopy(model)
    half.half()

    def fill(empty: Path) -> None:
        half.save_pretrained(empty)
        processor.save_pretrained(empty)

    write_folder(folder, fill)


def write_settings(pipeline: Path) -> None:
    """Give the pipeline the `scenebench.json` of the committed one, unless it has its own: `bench tune` judges it."""
    path = pipeline / FILE
    if not path.is_file():
        shutil.copyfile(CHECKPOINTS / "pipeline" / FILE, path)
