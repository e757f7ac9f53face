"""Checkpoints in Hugging Face layout: half precision, safetensors, put in place file by file."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from transformers import PreTrainedModel

from bench.core.files import write_json

SETTINGS_SCHEMA = 1
SETTINGS = {
    "metrics": "playroom",
    "sampler": {"steps": 20, "guidance": 7.0},
    "budgets": {
        "full": {
            "steps": 0.4,
            "handle_learning_rate": 10.0,
            "weights_learning_rate": 25.0,
            "prior_pictures": 0.2,
        },
        "quick": {
            "steps": 0.2,
            "handle_learning_rate": 20.0,
            "weights_learning_rate": 50.0,
            "prior_pictures": 0.1,
        },
    },
}
"""The initial `scenebench.json` of the pipeline: its sampler, and factors on the papers' steps and rates."""


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
    """Write the pipeline's `scenebench.json`, unless it has one: its numbers are tuned after training."""
    path = pipeline / "scenebench.json"
    if not path.is_file():
        write_json(path, SETTINGS, SETTINGS_SCHEMA)
