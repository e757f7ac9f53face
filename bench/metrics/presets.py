"""Metric presets: a name pins models, revisions, resizing, mask fill, crop and thresholds."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from bench.errors import UserError

SCORING_VERSION = 2
"""Raised whenever a change of the metrics' code changes a score of the same picture."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CHECKPOINTS = Path(__file__).parent.parent / "playroom" / "checkpoints"
YOLO_FOLDER = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scenebench" / "yolo"
"""Where `bench convert-yolo` puts the user's YOLO-seg and the preset `paper-yolo` finds it."""


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


LPIPS_TRUNKS = {"alex": "alexnet-owt-7be5be79.pth", "vgg": "vgg16-397923af.pth"}
"""torchvision's files of the trunks that the `lpips` package has heads for; each name ends in its SHA-256's start."""


@dataclass(frozen=True)
class LpipsSource:
    """An LPIPS network: `net` is `alex` or `vgg` of the `lpips` package, else a folder's own name for trunk and heads.

    `place` is that folder; for `alex` and `vgg` a file of trunk weights in torchvision's layout, or None for
    torchvision's own file (in torch's cache, `$TORCH_HOME/hub/checkpoints`, or downloaded into it).
    """

    net: str
    place: str | None = None

    @property
    def name(self) -> str:
        """What reports call it: `lpips-alex`, `lpips-vgg`, `lpips-playroom`."""
        return f"lpips-{self.net}"


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
    least share of its own pixels that a segment must keep after others are laid over it; what they mean to YOLO is
    said in `bench.metrics.yolo`.
    """

    name: str
    summary: str
    clip: ModelSource
    identity: ModelSource
    segmenter: ModelSource
    lpips: LpipsSource
    segmenter_kind: Literal["maskformer", "yolo"] = "maskformer"
    identity_view: ResizeCrop | None = None
    mask_fill: tuple[int, int, int] = (0, 0, 0)
    score_threshold: float = 0.5
    mask_threshold: float = 0.5
    overlap_threshold: float = 0.8

    @property
    def sources(self) -> tuple[ModelSource, ...]:
        """Its models in Hugging Face layout: all but the LPIPS network."""
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
            "segmenter_kind": self.segmenter_kind,
            "segmenter_view": own if self.segmenter_kind == "maskformer" else "ultralytics' letterbox",
            "lpips": self.lpips.name,
            "lpips_view": "the picture at its own size, in [-1, 1]",
            "mask_fill": list(self.mask_fill),
            "segmentation": _SEGMENTATIONS[self.segmenter_kind],
            "score_threshold": self.score_threshold,
            "mask_threshold": self.mask_threshold,
            "overlap_threshold": self.overlap_threshold,
            "scale": "plain cosine: no factor, no clipping",
            "precision": "fp32",
            "scoring_version": SCORING_VERSION,
        }


_SEGMENTATIONS = {
    "maskformer": "panoptic, nothing fused, the largest segment of the concept's class",
    "yolo": "instances, each pixel the most confident's, the largest one of the concept's class",
}
_CLIP_L14 = ModelSource("openai/clip-vit-large-patch14", "32bd64288804d66eefd0ccbe215aa642df71cc41")
_DINO_B16 = ModelSource("facebook/dino-vitb16", "f205d5d8e640a89a2b8ef0369670dfc37cc07fc2")
_MASKFORMER_COCO = ModelSource("facebook/maskformer-swin-large-coco", "main")
_OFFICIAL_VIEW = ResizeCrop(resize=256, crop=224, mean=IMAGENET_MEAN, std=IMAGENET_STD)

_PAPER = Preset(
    name="paper",
    summary="Break-A-Scene: CLIP ViT-L/14, DINO ViT-B/16 (official 256/224 view), MaskFormer Swin-L, LPIPS",
    clip=_CLIP_L14,
    identity=_DINO_B16,
    segmenter=_MASKFORMER_COCO,
    lpips=LpipsSource("alex"),
    identity_view=_OFFICIAL_VIEW,
)
_PLAYROOM = Preset(
    name="playroom",
    summary="the package's own small evaluators, which know Playroom's toys and nothing else",
    clip=ModelSource(str(CHECKPOINTS / "clip")),
    identity=ModelSource(str(CHECKPOINTS / "vit")),
    segmenter=ModelSource(str(CHECKPOINTS / "maskformer")),
    lpips=LpipsSource("playroom", str(CHECKPOINTS / "lpips")),
)
_BY_YOLO: dict[str, Any] = {"segmenter_kind": "yolo", "score_threshold": 0.25, "overlap_threshold": 0.7}
"""ultralytics' default thresholds."""

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        _PAPER,
        replace(
            _PAPER,
            name="paper-hf",
            summary="as paper, but DINO sees what its Hugging Face processor makes (straight to 224)",
            identity_view=None,
        ),
        replace(
            _PAPER,
            name="paper-vgg",
            summary="as paper, but LPIPS diversity by the VGG-16 trunk",
            lpips=LpipsSource("vgg"),
        ),
        replace(
            _PAPER,
            name="paper-yolo",
            summary="as paper, but objects are found by the YOLO-seg that `bench convert-yolo` made",
            segmenter=ModelSource(str(YOLO_FOLDER)),
            **_BY_YOLO,
        ),
        _PLAYROOM,
        replace(
            _PLAYROOM,
            name="playroom-yolo",
            summary="as playroom, but objects are found by its YOLO-seg",
            segmenter=ModelSource(str(CHECKPOINTS / "yolo")),
            **_BY_YOLO,
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
    from bench.metrics.weights import content, lpips_content  # noqa: PLC0415 - huggingface_hub is slow to import

    contents = [*(content(source) for source in preset.sources), lpips_content(preset.lpips)]
    settings = {**preset.describe(), "content": contents}
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return f"{preset.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _describe(source: ModelSource) -> str:
    return source.name if source.revision is None else f"{source.place}@{source.revision}"
