"""SAM 2: the mask at points or in a box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import Sam2Model, Sam2Processor

from bench.core.scenes import ImageArray
from bench.masks.choice import FoundInstance
from bench.masks.options import Box, Marks, Point
from bench.scoring.models.model_loading import load_model, load_own_processor
from bench.scoring.models.sources import ModelSource


class Sam:
    """SAM 2 on single pictures; the score of a mask is the IoU with the object that the model itself expects of it.

    A point is ambiguous (a button, the shirt, the person): of the three masks that the model then offers, the one with
    the highest score is taken. For a box it gives one.
    """

    def __init__(self, model: Sam2Model, processor: Any) -> None:
        self._model: Any = model
        self._processor = processor

    @classmethod
    def load(cls, source: ModelSource, device: torch.device) -> Sam:
        """Load the checkpoint, also one for videos as on the hub; raises `UserError` if that fails."""
        return cls(load_model(Sam2Model, source, device), load_own_processor(Sam2Processor, source))

    def marked(self, picture: ImageArray, marks: Marks) -> list[FoundInstance]:
        """The instance of each mark, in their order."""
        return self.by_points(picture, marks.points) if marks.points else self.by_boxes(picture, marks.boxes)

    def by_points(self, picture: ImageArray, groups: Sequence[Sequence[Point]]) -> list[FoundInstance]:
        """The instance that each group of points lies in."""
        points = [[[list(point) for point in group] for group in groups]]
        inside = [[[1] * len(group) for group in groups]]
        return self._instances(picture, True, input_points=points, input_labels=inside) if groups else []

    def by_boxes(self, picture: ImageArray, boxes: Sequence[Box]) -> list[FoundInstance]:
        """The instance in each box (left, top, right, bottom, in pixels)."""
        return self._instances(picture, False, input_boxes=[[list(box) for box in boxes]]) if boxes else []

    @torch.inference_mode()
    def _instances(self, picture: ImageArray, several: bool, **prompts: Any) -> list[FoundInstance]:
        """The best mask of each prompt at the picture's size, with its score."""
        inputs = self._processor(images=picture, return_tensors="pt", **prompts)
        sizes = inputs.pop("original_sizes")
        outputs = self._model(**inputs.to(self._model.device), multimask_output=several)
        scores, best = outputs.iou_scores[0].max(dim=-1)
        logits = outputs.pred_masks[0, torch.arange(len(best), device=best.device), best][:, None]
        (masks,) = self._processor.post_process_masks([logits.cpu()], sizes)
        return [FoundInstance(mask.numpy(), float(score)) for mask, score in zip(masks[:, 0], scores, strict=True)]
