"""Panoptic segmentation of generated pictures, and the segmenter's class words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import MaskFormerForInstanceSegmentation

from bench.core.scenes import ImageArray, Mask
from bench.scoring.models.class_words import find_class
from bench.scoring.models.model_loading import AS_STORED, load_model, load_processor
from bench.scoring.presets import Preset
from bench.scoring.threads import parallel_map
from bench.scoring.views import Box


@dataclass(frozen=True, eq=False)
class Segmentation:
    """The segments of a picture: `ids` [H, W] has each pixel's segment, `classes` each segment's class index.

    `boxes` has each segment's box as (left, top, right, bottom) in whole pixels, right and bottom just past it, where
    the segmenter is a detector that gives boxes of its own. `scores` has how sure the segmenter is of each segment.
    """

    ids: NDArray[np.int32]
    classes: Mapping[int, int]
    boxes: Mapping[int, Box] = field(default_factory=dict)
    scores: Mapping[int, float] = field(default_factory=dict)

    def segments(self, class_index: int) -> tuple[int, ...]:
        """The non-empty segments of a class, the largest first."""
        areas = {
            segment: int(np.count_nonzero(self.ids == segment))
            for segment, found in self.classes.items()
            if found == class_index
        }
        return tuple(sorted((segment for segment in areas if areas[segment]), key=areas.__getitem__, reverse=True))

    def mask(self, segments: Sequence[int]) -> Mask:
        """The union [H, W] of the segments."""
        mask = np.zeros(self.ids.shape, dtype=np.bool_)
        for segment in segments:
            mask |= self.ids == segment
        return mask

    def box(self, segments: Sequence[int]) -> Box | None:
        """The detector's box of a segment, of several the one around theirs; None where it gave none."""
        if not segments or not all(segment in self.boxes for segment in segments):
            return None
        lefts, tops, rights, bottoms = zip(*(self.boxes[segment] for segment in segments), strict=True)
        return min(lefts), min(tops), max(rights), max(bottoms)

    def largest(self, class_index: int) -> Mask | None:
        """The mask [H, W] of the largest segment of a class, or None if there is none."""
        segments = self.segments(class_index)
        return self.mask(segments[:1]) if segments else None


class Segments(Protocol):
    """The interface of segmenters: look up class words, and segment pictures."""

    def class_index(self, word: str) -> int | None:
        """The index of the class that a word names, or None if it is unknown."""
        ...

    def segment(self, pictures: Sequence[ImageArray]) -> list[Segmentation]:
        """The segmentation of each picture, at its own size."""
        ...


class Segmenter:
    """MaskFormer with its processor and a preset's thresholds."""

    def __init__(self, model: MaskFormerForInstanceSegmentation, processor: Any, preset: Preset) -> None:
        self._model = model
        self._processor = processor
        self._preset = preset
        self._labels: dict[int, str] = {
            int(index): str(label) for index, label in (model.config.id2label or {}).items()
        }

    @classmethod
    def load(cls, preset: Preset, device: torch.device) -> Segmenter:
        """Load a preset's segmenter from the hub or a folder; raises `UserError` if that fails."""
        model = load_model(MaskFormerForInstanceSegmentation, preset.segmenter, device)
        return cls(model, load_processor(preset.segmenter), preset)

    def class_index(self, word: str) -> int | None:
        """The index of the class that a word names, or None if it is unknown: see `find_class`."""
        return find_class(word, self._labels)

    @torch.inference_mode()
    def segment(self, pictures: Sequence[ImageArray]) -> list[Segmentation]:
        """The panoptic segmentation of each picture at its own size; segments of one class are not fused."""
        sizes = [picture.shape[:2] for picture in pictures]
        if len(set(sizes)) > 1:
            # The processor would pad them to one size, and its post-processing takes the padding for picture.
            return [segmentation for picture in pictures for segmentation in self.segment([picture])]
        ready = parallel_map(lambda picture: self._processor(images=[picture], **AS_STORED), pictures)
        names = ("pixel_values", "pixel_mask")
        inputs = {name: torch.cat([one[name] for one in ready]).to(self._model.device) for name in names}
        outputs = self._model(**inputs)
        found = self._processor.post_process_panoptic_segmentation(
            outputs,
            threshold=self._preset.score_threshold,
            mask_threshold=self._preset.mask_threshold,
            overlap_mask_area_threshold=self._preset.overlap_threshold,
            label_ids_to_fuse=set(),
            target_sizes=sizes,
        )
        return [_segmentation(one) for one in found]


def _segmentation(found: Mapping[str, Any]) -> Segmentation:
    classes = {int(segment["id"]): int(segment["label_id"]) for segment in found["segments_info"]}
    ids = torch.as_tensor(found["segmentation"]).to(torch.int32).cpu().numpy()
    scores = {int(segment["id"]): float(segment["score"]) for segment in found["segments_info"]}
    return Segmentation(ids, classes, scores=scores)
