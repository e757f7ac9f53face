"""The models that `bench masks` knows: what each takes, its checkpoints and its least score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from bench.core.errors import UserError, did_you_mean
from bench.scoring.models.sources import ModelSource
from bench.scoring.presets import PRESETS

ModelKind: TypeAlias = Literal["panoptic", "yolo", "sam", "sam3", "grounded"]
"""`panoptic` and `yolo` know certain words, `sam3` and `grounded` any words, `sam` points and boxes."""


@dataclass(frozen=True)
class MaskModel:
    """A model: its kind, the checkpoint that makes the masks, and the least score of what counts as found.

    `detector` is the checkpoint that finds the boxes of words, where that is another one. With `sam` nothing is
    searched, so there is no least score.
    """

    name: str
    summary: str
    kind: ModelKind
    checkpoint: ModelSource
    threshold: float
    detector: ModelSource | None = None

    @property
    def takes_marks(self) -> bool:
        """Whether it is told where the concepts are, by points or boxes; else it searches for words."""
        return self.kind == "sam"

    @property
    def sources(self) -> Mapping[str, ModelSource]:
        """Its checkpoints by role: `segmenter`, and `detector` where there is one."""
        found = {"segmenter": self.checkpoint}
        return found if self.detector is None else {**found, "detector": self.detector}


# Commits as in several public records (locks and model manifests) that name these files and load them in transformers.
_SAM2 = ModelSource("facebook/sam2.1-hiera-large", "665f8e2ad61cf5f53d65644ff27c8ee525124610")
_SAM3 = ModelSource("facebook/sam3", "3c879f39826c281e95690f02c7821c4de09afae7")
_GROUNDING_DINO = ModelSource("IDEA-Research/grounding-dino-base", "12bdfa3120f3e7ec7b434d90674b3396eccf88eb")
_PANOPTIC, _YOLO = PRESETS["paper"], PRESETS["paper-yolo"]

MODELS: dict[str, MaskModel] = {
    model.name: model
    for model in (
        MaskModel(
            "playroom",
            "the package's own MaskFormer: Playroom's toys only",
            "panoptic",
            PRESETS["playroom"].segmenter,
            PRESETS["playroom"].score_threshold,
        ),
        MaskModel(
            "maskformer",
            "MaskFormer Swin-L: COCO's things and stuff",
            "panoptic",
            _PANOPTIC.segmenter,
            _PANOPTIC.score_threshold,
        ),
        MaskModel(
            "yolo",
            "the YOLO-seg that `bench convert-yolo` made: COCO's things",
            "yolo",
            _YOLO.segmenter,
            _YOLO.score_threshold,
        ),
        MaskModel("grounded-sam", "GroundingDINO, then SAM 2: any words", "grounded", _SAM2, 0.3, _GROUNDING_DINO),
        MaskModel("sam3", "SAM 3: any words (Meta's licence must be accepted on the hub)", "sam3", _SAM3, 0.5),
        MaskModel("sam", "SAM 2: points or boxes of your own, no words", "sam", _SAM2, 0.0),
    )
}
"""The models by name. Of `maskformer` no commit is known from public sources: its record says which one was loaded."""


def find_model(
    name: str, checkpoint: str | None = None, detector: str | None = None, threshold: float | None = None
) -> MaskModel:
    """The model called `name`, with other checkpoints or another least score where these are given.

    Raises `UserError` for an unknown name, and for a detector or least score that the model has no use for.
    """
    if name not in MODELS:
        known = "; ".join(f"{model.name} ({model.summary})" for model in MODELS.values())
        raise UserError(f"--model {name} is not known{did_you_mean(name, MODELS)} Known: {known}")
    model = MODELS[name]
    if detector is not None and model.detector is None:
        raise UserError(f"--detector: {name} has no detector beside its segmenter; leave it out")
    if threshold is not None and model.takes_marks:
        raise UserError(f"--threshold: {name} searches for nothing, so there is no least score; leave it out")
    return replace(
        model,
        checkpoint=model.checkpoint if checkpoint is None else source_of(checkpoint),
        detector=model.detector if detector is None else source_of(detector),
        threshold=model.threshold if threshold is None else threshold,
    )


def source_of(text: str) -> ModelSource:
    """The source that a text names: a folder, or a hub id with or without `@REVISION` (then `main`, not pinned)."""
    if Path(text).is_dir():
        return ModelSource(text)
    hub_id, _, revision = text.partition("@")
    if hub_id.count("/") != 1 or not all(hub_id.split("/")):
        raise UserError(f"there is no folder {text}, and a hub id is written owner/name or owner/name@revision")
    return ModelSource(hub_id, revision or "main")
