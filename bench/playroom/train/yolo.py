"""Trains Playroom's YOLO-seg: ultralytics' architecture and loss, a narrow network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from bench.playroom.train.augment import degrade, recolour, retexture, to_tensor
from bench.playroom.train.data import Scenes
from bench.playroom.train.loop import Draw
from bench.playroom.world.toys import CLASSES
from bench.scoring.models.yolo_network import Architecture, build, read_weights, save, ultralytics

SIDE = 128
"""Pictures are enlarged to this side, so that the finest feature map has four pixels per cell."""
SCALE = [0.33, 0.125, 1024]
"""Depth, width and maximum channels of ultralytics' YOLOv8: half as wide as its smallest, `n`."""
FEWEST_PIXELS = 8
"""Minimum number of visible pixels of a toy that is a target."""


def new_architecture() -> Architecture:
    """YOLOv8-seg, narrow, of Playroom's classes (1.0 M parameters)."""
    loader = ultralytics("utils").YAML
    file = Path(ultralytics("utils").ROOT) / "cfg" / "models" / "v8" / "yolov8-seg.yaml"
    description = {**loader.load(file), "nc": len(CLASSES), "scales": {"n": SCALE}, "scale": "n"}
    return Architecture(description, CLASSES, SIDE)


class YoloTask:
    """YOLOv8's segmentation loss (boxes, classes, masks) on degraded and recoloured pictures."""

    def __init__(self, scenes: Scenes, weights: Path | None) -> None:
        self.scenes = scenes
        self.architecture = new_architecture()
        self.model: nn.Module = build(self.architecture)
        if weights is not None:
            self.model.load_state_dict(read_weights(weights))
        # Any: ultralytics' models carry their loss's settings as an attribute.
        settings: Any = self.model
        settings.args = ultralytics("cfg").get_cfg(overrides={"overlap_mask": False})

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        """The loss of one batch, its parts summed over pictures as ultralytics does, divided by the batch."""
        chosen = draw.rng.integers(len(self.scenes), size=draw.batch)
        side = draw.rng.choice((-1, 1))
        drawn = to_tensor(self.scenes.pictures[chosen][:, :, ::side].copy(), draw)
        toys = torch.from_numpy(self.scenes.instances[chosen][:, None, :, ::side].copy()).to(draw.device)
        pictures = degrade(recolour(retexture(drawn, toys, draw), draw), draw)
        enlarged = interpolate(pictures, size=(SIDE, SIDE), mode="bilinear")
        with torch.autocast(draw.device.type, torch.bfloat16):
            predicted = self.model(enlarged)
        # Any: ultralytics' loss is not annotated.
        model: Any = self.model
        parts, _ = model.loss({**self._targets(chosen, toys), "img": enlarged}, _to_float(predicted))
        return {"loss": parts.sum() / draw.batch}

    def _targets(self, chosen: Any, toys: Tensor) -> dict[str, Tensor]:
        """Every toy that shows: picture [N], class [N, 1], box [N, 4] (centre and size, 0 to 1), mask [N, 64, 64]."""
        found: list[tuple[int, int, Tensor]] = []
        for number, index in enumerate(chosen):
            for k, toy in enumerate(self.scenes.scenes[index].toys):
                mask = toys[number, 0] == k + 1
                if mask.sum() >= FEWEST_PIXELS:
                    found.append((number, CLASSES.index(toy.identity.class_name), mask))
        masks = torch.stack([mask for _, _, mask in found]) if found else toys.new_zeros((0, *toys.shape[-2:])).bool()
        return {
            "batch_idx": torch.tensor([float(number) for number, _, _ in found], device=toys.device),
            "cls": torch.tensor([[float(kind)] for _, kind, _ in found], device=toys.device).reshape(-1, 1),
            "bboxes": boxes(masks),
            "masks": interpolate(masks[None].float(), size=(SIDE // 4, SIDE // 4), mode="area")[0].round(),
        }


def boxes(masks: Tensor) -> Tensor:
    """The box around each mask [N, H, W], none of them empty: centre x, y, width, height as shares of the side."""
    rows, columns = masks.any(dim=2), masks.any(dim=1)
    ends = []
    for line in (columns, rows):
        size = line.shape[-1]
        first = line.int().argmax(dim=1) if len(line) else line.new_zeros(0).long()
        last = size - (line.flip(1).int().argmax(dim=1) if len(line) else line.new_zeros(0).long())
        ends.append((first / size, last / size))
    (left, right), (top, bottom) = ends
    return torch.stack([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top], dim=1)


def save_yolo(task: YoloTask, folder: Path) -> None:
    """Write architecture and weights (fp16)."""
    state = task.model.state_dict()
    half = {name: (value.half() if value.is_floating_point() else value) for name, value in state.items()}
    save(half, task.architecture, folder)


def _to_float(predicted: Any) -> Any:
    if isinstance(predicted, dict):
        return {name: _to_float(value) for name, value in predicted.items()}
    if isinstance(predicted, list | tuple):
        return [_to_float(value) for value in predicted]
    return predicted.float()
