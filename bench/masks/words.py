"""Finding the instances of words: the metrics' segmenters, SAM 3, and GroundingDINO with SAM 2."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from transformers import GroundingDinoForObjectDetection, GroundingDinoProcessor, Sam3Model, Sam3Processor

from bench.core.errors import UserError, did_you_mean
from bench.core.scenes import ImageArray
from bench.masks.choice import FoundInstance
from bench.masks.models import MaskModel, ModelKind
from bench.masks.options import Box
from bench.masks.sam import Sam
from bench.scoring.models.class_words import known_words
from bench.scoring.models.model_loading import load_model, load_own_processor
from bench.scoring.models.segmenter import Segmenter, Segments
from bench.scoring.models.sources import ModelSource
from bench.scoring.models.yolo import YoloSegmenter
from bench.scoring.presets import PRESETS, Preset

MOST_BOXES = 20
"""Maximum number of a detector's boxes per word that are segmented, the surest ones."""

FoundByWord: TypeAlias = dict[str, list[FoundInstance]]


class FindsWords(Protocol):
    """The interface of models that find the instances of words in a picture."""

    def find(self, picture: ImageArray, words: Sequence[str]) -> FoundByWord:
        """The instances of each word that score enough, masks at the picture's size [H, W].

        Raises `UserError` for a word that the model does not know.
        """
        ...


class PanopticWords:
    """MaskFormer: segments, none of which overlap; their scores are those of its post-processing."""

    def __init__(self, segmenter: Segments, preset: Preset) -> None:
        self._segmenter = segmenter
        self._preset = preset

    @classmethod
    def load(cls, model: MaskModel, device: torch.device) -> PanopticWords:
        """Load the checkpoint; raises `UserError` if that fails."""
        preset = replace(PRESETS["paper"], segmenter=model.checkpoint, score_threshold=model.threshold)
        return cls(Segmenter.load(preset, device), preset)

    def find(self, picture: ImageArray, words: Sequence[str]) -> FoundByWord:
        """The segments of each word's class."""
        classes = {word: known_class(self._segmenter, word, self._preset) for word in words}
        (found,) = self._segmenter.segment([picture])
        return {
            word: [FoundInstance(found.ids == segment, found.scores[segment]) for segment in found.segments(index)]
            for word, index in classes.items()
        }


class YoloWords:
    """YOLO-seg: instances as it found them, before any overlap is resolved; their scores are its confidences."""

    def __init__(self, segmenter: YoloSegmenter, preset: Preset) -> None:
        self._segmenter = segmenter
        self._preset = preset

    @classmethod
    def load(cls, model: MaskModel, device: torch.device) -> YoloWords:
        """Load the checkpoint's folder; raises `UserError` if that fails."""
        preset = replace(PRESETS["paper-yolo"], segmenter=model.checkpoint, score_threshold=model.threshold)
        return cls(YoloSegmenter.load(preset, device), preset)

    def find(self, picture: ImageArray, words: Sequence[str]) -> FoundByWord:
        """The instances of each word's class."""
        classes = {word: known_class(self._segmenter, word, self._preset) for word in words}
        boxes, masks = self._segmenter.instances(picture)
        return {
            word: [FoundInstance(masks[k], float(box[4])) for k, box in enumerate(boxes) if int(box[5]) == index]
            for word, index in classes.items()
        }


class Sam3Words:
    """SAM 3: the instances of a noun phrase, by its own scores times that of the phrase being there at all."""

    def __init__(self, model: Sam3Model, processor: Any, threshold: float) -> None:
        self._model: Any = model
        self._processor = processor
        self._threshold = threshold

    @classmethod
    def load(cls, model: MaskModel, device: torch.device) -> Sam3Words:
        """Load the checkpoint; raises `UserError` if that fails."""
        network = load_model(Sam3Model, model.checkpoint, device)
        return cls(network, load_own_processor(Sam3Processor, model.checkpoint), model.threshold)

    @torch.inference_mode()
    def find(self, picture: ImageArray, words: Sequence[str]) -> FoundByWord:
        """The instances of each word, one pass for each."""
        return {word: self._instances(picture, word) for word in dict.fromkeys(words)}

    def _instances(self, picture: ImageArray, word: str) -> list[FoundInstance]:
        inputs = self._processor(images=picture, text=word, return_tensors="pt").to(self._model.device)
        (found,) = self._processor.post_process_instance_segmentation(
            self._model(**inputs), threshold=self._threshold, mask_threshold=0.5, target_sizes=[picture.shape[:2]]
        )
        masks = found["masks"].bool().cpu().numpy()
        return [FoundInstance(mask, float(score)) for mask, score in zip(masks, found["scores"], strict=True)]


class GroundedWords:
    """GroundingDINO finds the boxes of a word, SAM 2 the mask in each box; the scores are the detector's.

    Each word is a text of its own, so that no box is torn between two words.
    """

    def __init__(self, detector: GroundingDinoForObjectDetection, processor: Any, sam: Sam, threshold: float) -> None:
        self._detector: Any = detector
        self._processor = processor
        self._sam = sam
        self._threshold = threshold

    @classmethod
    def load(cls, model: MaskModel, device: torch.device) -> GroundedWords:
        """Load both checkpoints; raises `UserError` if that fails."""
        source: ModelSource = model.sources["detector"]
        detector = load_model(GroundingDinoForObjectDetection, source, device)
        processor = load_own_processor(GroundingDinoProcessor, source)
        return cls(detector, processor, Sam.load(model.checkpoint, device), model.threshold)

    @torch.inference_mode()
    def find(self, picture: ImageArray, words: Sequence[str]) -> FoundByWord:
        """The instances of each word: at most `MOST_BOXES`."""
        found: FoundByWord = {}
        for word in dict.fromkeys(words):
            boxes = self.boxes(picture, word)
            masks = self._sam.by_boxes(picture, [box for box, _ in boxes])
            found[word] = [FoundInstance(one.mask, score) for one, (_, score) in zip(masks, boxes, strict=True)]
        return found

    def boxes(self, picture: ImageArray, word: str) -> list[tuple[Box, float]]:
        """The boxes (left, top, right, bottom, in pixels, within the picture) of a word with scores, surest first."""
        height, width = picture.shape[:2]
        text = f"{word.lower().replace('.', ' ').strip()}."
        inputs = self._processor(images=picture, text=text, return_tensors="pt").to(self._detector.device)
        (found,) = self._processor.post_process_grounded_object_detection(
            self._detector(**inputs), inputs["input_ids"], threshold=self._threshold, target_sizes=[(height, width)]
        )
        corners = found["boxes"].double().cpu().numpy().clip(0, [width, height, width, height])
        scores = found["scores"].double().cpu().numpy()
        order = [k for k in np.argsort(-scores, kind="stable") if (corners[k, 2:] > corners[k, :2]).all()]
        return [(_box(corners[k].tolist()), float(scores[k])) for k in order[:MOST_BOXES]]


WORD_MODELS: dict[ModelKind, Callable[[MaskModel, torch.device], FindsWords]] = {
    "panoptic": PanopticWords.load,
    "yolo": YoloWords.load,
    "sam3": Sam3Words.load,
    "grounded": GroundedWords.load,
}
"""How models that find words are loaded, by kind."""


def known_class(segmenter: Segments, word: str, preset: Preset) -> int:
    """The index of the class that a word names; raises `UserError` naming the words that the preset knows."""
    index = segmenter.class_index(word)
    if index is not None:
        return index
    known = known_words(preset)
    raise UserError(
        f"this model does not know '{word}'{did_you_mean(word, known)} --model grounded-sam takes any words, "
        f"--model sam points. Known: {', '.join(known)}"
    )


def _box(corners: Sequence[float]) -> Box:
    left, top, right, bottom = corners
    return left, top, right, bottom
