"""`python -m bench.scoring.models.convert_yolo FILE FOLDER`: unpickles a YOLO-seg `.pt` in a separate process."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import torch

from bench.core.errors import UserError
from bench.scoring.models.yolo_network import Architecture, build, save, ultralytics


def convert(file: Path, folder: Path) -> None:
    """Write the folder that `bench.scoring.models.yolo_network.load` reads, without loss of precision.

    Unpickling runs whatever code the file holds.

    Raises `UserError` if the file is not a checkpoint of a YOLO segmentation model.
    """
    tasks = ultralytics("nn.tasks")
    try:
        content: Any = torch.load(file, map_location="cpu", weights_only=False)
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, AttributeError, ImportError) as error:
        raise UserError(f"{file} cannot be read as a checkpoint ({' '.join(str(error).split())[:120]})") from error
    model: Any = (content.get("ema") or content.get("model")) if isinstance(content, dict) else content
    if not isinstance(model, tasks.SegmentationModel):
        raise UserError(f"{file} holds a {type(model).__name__}, no YOLO segmentation model; take one named *-seg.pt")
    names = model.names.values() if isinstance(model.names, dict) else model.names
    architecture = Architecture(model.yaml, tuple(map(str, names)), _side(content))
    state = model.state_dict()
    try:
        build(architecture).load_state_dict(state)
    except RuntimeError as error:
        raise UserError(
            f"{file}: weights and architecture disagree; take a .pt as ultralytics' training wrote it"
        ) from error
    save(state, architecture, folder)


def _side(content: Any) -> int:
    """The side the model was trained at; ultralytics' own default where the file does not say."""
    trained = content.get("train_args") if isinstance(content, dict) else None
    side = (trained or {}).get("imgsz", 640)
    return int(max(side) if isinstance(side, list | tuple) else side)


if __name__ == "__main__":
    try:
        convert(Path(sys.argv[1]), Path(sys.argv[2]))
    except UserError as error:
        raise SystemExit(str(error)) from None
