"""Metric presets: a name pins models, revisions, resizing, mask fill, crop and thresholds."""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.errors import UserError

SCORING_VERSION = 1
"""Raised whenever a change of the metrics' code changes a score of the same picture."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CHECKPOINTS = Path(__file__).parent.parent / "playroom" / "checkpoints"


@dataclass(frozen=True)
class ModelSource:
    """Where a model is: a hub id with a revision (a commit where one is known), or a folder (no revision)."""

    place: str
    revision: str | None = None

    @property
    def folder(self) -> Path | None:
        """The folder, or None for a hub id."""
        return Path(self.place) if self.revision is None else None

    @property
    def name(self) -> str:
        """What reports call it: the hub id, or the folder's last two parts (the same on every machine)."""
        return self.place if self.folder is None else "/".join(self.folder.parts[-2:])


@dataclass(frozen=True)
class ResizeCrop:
    """Shorter side to `resize` pixels (bicubic, PIL), central `crop`, normalisation."""

    resize: int
    crop: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True)
class Preset:
    """Everything that a score depends on besides the picture.

    `identity_view` None means the identity model's own processor. The three thresholds are those of the
    panoptic post-processing: least class probability of a segment, least mask probability of a pixel, and the
    least share of its own pixels that a segment must keep after others are laid over it.
    """

    name: str
    summary: str
    clip: ModelSource
    identity: ModelSource
    segmenter: ModelSource
    identity_view: ResizeCrop | None = None
    mask_fill: tuple[int, int, int] = (0, 0, 0)
    score_threshold: float = 0.5
    mask_threshold: float = 0.5
    overlap_threshold: float = 0.8

    @property
    def sources(self) -> tuple[ModelSource, ...]:
        """Its models."""
        return self.clip, self.identity, self.segmenter

    def describe(self) -> dict[str, Any]:
        """Every pinned setting by name, ready for JSON: for reports, and part of the fingerprint."""
        pinned = {role: _describe(getattr(self, role)) for role in ("clip", "identity", "segmenter")}
        own = "the model's own processor (PIL)"
        return {
            "preset": self.name,
            **pinned,
            "clip_view": own,
            "identity_view": own if self.identity_view is None else asdict(self.identity_view),
            "segmenter_view": own,
            "mask_fill": list(self.mask_fill),
            "segmentation": "panoptic, nothing fused, the largest segment of the concept's class",
            "score_threshold": self.score_threshold,
            "mask_threshold": self.mask_threshold,
            "overlap_threshold": self.overlap_threshold,
            "scale": "plain cosine: no factor, no clipping",
            "precision": "fp32",
            "scoring_version": SCORING_VERSION,
        }


_CLIP_L14 = ModelSource("openai/clip-vit-large-patch14", "32bd64288804d66eefd0ccbe215aa642df71cc41")
_DINO_B16 = ModelSource("facebook/dino-vitb16", "f205d5d8e640a89a2b8ef0369670dfc37cc07fc2")
_MASKFORMER_COCO = ModelSource("facebook/maskformer-swin-large-coco", "main")

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            name="paper",
            summary="Break-A-Scene: CLIP ViT-L/14, DINO ViT-B/16 (official 256/224 view), MaskFormer Swin-L",
            clip=_CLIP_L14,
            identity=_DINO_B16,
            segmenter=_MASKFORMER_COCO,
            identity_view=ResizeCrop(resize=256, crop=224, mean=IMAGENET_MEAN, std=IMAGENET_STD),
        ),
        Preset(
            name="paper-hf",
            summary="as paper, but DINO sees what its Hugging Face processor makes (straight to 224)",
            clip=_CLIP_L14,
            identity=_DINO_B16,
            segmenter=_MASKFORMER_COCO,
        ),
        Preset(
            name="playroom",
            summary="the package's own small evaluators, which know Playroom's toys and nothing else",
            clip=ModelSource(str(CHECKPOINTS / "clip")),
            identity=ModelSource(str(CHECKPOINTS / "vit")),
            segmenter=ModelSource(str(CHECKPOINTS / "maskformer")),
        ),
    )
}
"""The presets by name."""


def find_preset(name: str) -> Preset:
    """The preset called `name`; raises `UserError` naming the known ones."""
    if name in PRESETS:
        return PRESETS[name]
    close = difflib.get_close_matches(name, PRESETS, n=1)
    hint = f"; did you mean {close[0]}?" if close else "."
    raise UserError(f"no metric preset is called '{name}'{hint} Known: {', '.join(PRESETS)}")


def fingerprint(preset: Preset) -> str:
    """What the preset's scores depend on, settings and models' content, as `<name>-<12 hexadecimal digits>`.

    A hub model's content is its commit, a folder's the SHA-256 of its files. Raises `UserError` if a model
    cannot be had.
    """
    from bench.metrics.weights import content  # noqa: PLC0415 - huggingface_hub is slow to import

    settings = {**preset.describe(), "content": [content(source) for source in preset.sources]}
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return f"{preset.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _describe(source: ModelSource) -> str:
    return source.name if source.revision is None else f"{source.place}@{source.revision}"
