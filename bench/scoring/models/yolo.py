"""Instance segmentation by YOLO-seg, with ultralytics' own resizing, suppression and masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.core.errors import UserError
from bench.core.scenes import ImageArray
from bench.scoring.models.class_words import find_class
from bench.scoring.models.segmenter import Segmentation
from bench.scoring.models.yolo_network import Architecture, load, ultralytics
from bench.scoring.presets import Preset
from bench.scoring.views import Box

MOST = 300
"""Maximum number of instances per picture, ultralytics' default."""


class YoloSegmenter:
    """A YOLO-seg network with a preset's thresholds: instances of things, no panoptic map of everything.

    The preset's `score_threshold` is the minimum confidence of an instance, its `overlap_threshold` the IoU of boxes
    above which the less confident of two of a class is dropped. `mask_threshold` is ignored: ultralytics uses .5.
    """

    def __init__(self, model: nn.Module, architecture: Architecture, preset: Preset) -> None:
        # Any: ultralytics is not annotated.
        self._model: Any = model
        self._architecture = architecture
        self._preset = preset
        self._labels = dict(enumerate(architecture.names))

    @classmethod
    def load(cls, preset: Preset, device: torch.device) -> YoloSegmenter:
        """Load a preset's folder; raises `UserError` if it holds no YOLO or ultralytics is missing."""
        folder = preset.segmenter.folder
        if folder is None:
            raise UserError(
                f"preset {preset.name}: a YOLO is loaded from a folder only; see `bench convert-yolo --help`"
            )
        return cls(*load(folder, device), preset)

    def class_index(self, word: str) -> int | None:
        """The class a word names, or None if the segmenter does not know it: see `find_class`."""
        return find_class(word, self._labels)

    def segment(self, pictures: Sequence[ImageArray]) -> list[Segmentation]:
        """The instances of each picture at its own size; overlaps belong to the most confident one.

        A box stays as it was found, whatever the overlaps took from its mask.
        """
        return [_segmentation(*self.instances(picture), picture) for picture in pictures]

    @torch.inference_mode()
    def instances(self, picture: ImageArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Boxes float [N, 6] (x1, y1, x2, y2 in pixels, confidence, class), most confident first; masks [N, H, W]."""
        inputs = self._inputs(picture)
        predicted, prototypes = self._model(inputs)[0]
        (found,) = ultralytics("utils.nms").non_max_suppression(
            predicted,
            conf_thres=self._preset.score_threshold,
            iou_thres=self._preset.overlap_threshold,
            max_det=MOST,
            nc=len(self._labels),
            end2end=getattr(self._model, "end2end", False),
        )
        ops = ultralytics("utils.ops")
        found[:, :4] = ops.scale_boxes(inputs.shape[2:], found[:, :4], picture.shape)
        masks: Tensor = ops.process_mask_native(prototypes[0], found[:, 6:], found[:, :4], picture.shape[:2]).bool()
        shown = masks.flatten(1).any(dim=1)
        boxes: NDArray[np.float64] = found[shown, :6].double().cpu().numpy()
        return boxes, masks[shown].cpu().numpy()

    def _inputs(self, picture: ImageArray) -> Tensor:
        """The picture resized to the network's side and padded to its stride, float [1, 3, h, w] in [0, 1]."""
        side, stride = self._architecture.side, int(self._model.stride.max())
        boxed = ultralytics("data.augment").LetterBox((side, side), auto=True, stride=stride)(image=picture)
        pixels = torch.from_numpy(np.ascontiguousarray(boxed)).permute(2, 0, 1)[None]
        return pixels.to(next(self._model.parameters()).device).float() / 255


def _segmentation(boxes: NDArray[np.float64], masks: NDArray[np.bool_], picture: ImageArray) -> Segmentation:
    ids = np.zeros(picture.shape[:2], dtype=np.int32)
    for number in reversed(range(len(masks))):
        ids[masks[number]] = number + 1
    classes = {number + 1: int(box[5]) for number, box in enumerate(boxes)}
    return Segmentation(ids, classes, {number + 1: _pixels(box, picture) for number, box in enumerate(boxes)})


def _pixels(box: NDArray[np.float64], picture: ImageArray) -> Box:
    """The pixels of the picture that a box touches, at least one."""
    height, width = picture.shape[:2]
    left, top = (min(max(int(np.floor(one)), 0), end - 1) for one, end in zip(box[:2], (width, height), strict=True))
    right, bottom = (min(int(np.ceil(one)), end) for one, end in zip(box[2:4], (width, height), strict=True))
    return left, top, max(right, left + 1), max(bottom, top + 1)
