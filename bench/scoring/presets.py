"""Metric presets: a name pins models, revisions, resizing, mask fill, crop and thresholds."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from bench.core.checkpoints import CHECKPOINTS
from bench.core.errors import UserError, did_you_mean
from bench.plugins.metric import Feature
from bench.scoring.comparison import (
    BLACK,
    FILL_BLACK,
    INSTANCES_BEST,
    ON_THE_PICTURE,
    OWN_VIEW,
    Alternative,
    Embedding,
    FeatureComparison,
    Fill,
    Framing,
    Instances,
    Kind,
    RegionView,
    described,
    embedding,
)
from bench.scoring.models.sources import LpipsSource, ModelSource, ResizeCrop

SCORING_VERSION = 3
"""Incremented whenever a change of the metrics' code changes a score of the same picture."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
YOLO_FOLDER = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scenebench" / "yolo"
"""The folder that `bench convert-yolo` writes by default and the preset `paper-yolo` reads."""

ClipBackend: TypeAlias = Literal["hf", "open_clip"]
"""The library that computes CLIP: `transformers` or `open_clip`; weights, tokenizer and processor are the same."""


@dataclass(frozen=True)
class Preset:
    """All settings that a score depends on.

    Prompt similarity is `clip_scale` (above 0) times CLIP's cosine, but not below `clip_floor` (None: no floor).
    `identity_view` None means the identity model's own processor. `identity_kind` to `instances` say how an object is
    compared with a concept (`bench.scoring.comparison`), `alternatives` what else is computed with one setting
    changed. The three thresholds are those of the
    panoptic post-processing: least class probability of a segment, least mask probability of a pixel, and the
    least share of its own pixels that a segment must keep after others are laid over it; what they mean to YOLO is
    said in `bench.scoring.models.yolo`.
    """

    name: str
    summary: str
    clip: ModelSource
    identity: ModelSource
    segmenter: ModelSource
    lpips: LpipsSource
    clip_backend: ClipBackend = "hf"
    clip_scale: float = 1.0
    clip_floor: float | None = None
    segmenter_kind: Literal["maskformer", "yolo"] = "maskformer"
    identity_kind: Kind = "dino"
    identity_view: ResizeCrop | None = None
    mask_fill: Fill = BLACK
    framing: Framing = "picture"
    instances: Instances = "largest"
    alternatives: tuple[Alternative, ...] = ()
    score_threshold: float = 0.5
    mask_threshold: float = 0.5
    overlap_threshold: float = 0.8

    @property
    def sources(self) -> tuple[ModelSource, ...]:
        """Its models in Hugging Face layout, each once: all but the LPIPS network."""
        embeddings = (comparison.view.embedding.source for comparison in self.comparisons.values())
        return tuple(dict.fromkeys((self.clip, self.identity, self.segmenter, *embeddings)))

    @property
    def comparison(self) -> FeatureComparison:
        """The preset's own comparison of the objects found for a concept with the concept."""
        own = Embedding(self.identity, self.identity_kind, self.identity_view)
        return FeatureComparison(RegionView(own, self.mask_fill, self.framing), self.instances)

    @property
    def comparisons(self) -> dict[str, FeatureComparison]:
        """Every comparison by its column of the table: the preset's own, then its alternatives."""
        own = self.comparison
        return {"identity_similarity": own, **{one.column: one.of(own) for one in self.alternatives}}

    def describe(self) -> dict[str, Any]:
        """Every pinned setting by name, ready for JSON: for reports, and part of the metrics' keys."""
        pinned = {role: getattr(self, role).pinned for role in ("clip", "identity", "segmenter")}
        return {
            "preset": self.name,
            **pinned,
            "clip_view": OWN_VIEW,
            "clip_backend": self.clip_backend,
            "clip_scale": self.clip_scale,
            "clip_floor": self.clip_floor,
            "identity_kind": self.identity_kind,
            "identity_view": OWN_VIEW if self.identity_view is None else asdict(self.identity_view),
            "segmenter_kind": self.segmenter_kind,
            "segmenter_view": OWN_VIEW if self.segmenter_kind == "maskformer" else "ultralytics' letterbox",
            "lpips": self.lpips.name,
            "lpips_view": "the picture at its own size, in [-1, 1]",
            "mask_fill": None if self.mask_fill is None else list(self.mask_fill),
            "framing": _WHOLE if self.comparison.view.is_whole else self.framing,
            "instances": self.instances,
            "alternatives": described(self.alternatives),
            "segmentation": _SEGMENTATIONS[self.segmenter_kind],
            "score_threshold": self.score_threshold,
            "mask_threshold": self.mask_threshold,
            "overlap_threshold": self.overlap_threshold,
            "identity_scale": "plain cosine: no factor, no clipping",
            "precision": "fp32",
            "scoring_version": SCORING_VERSION,
        }

    def settings_of(self, feature: Feature) -> dict[str, Any]:
        """The settings that a feature depends on."""
        described = self.describe()
        return {name: described[name] for name in (*_SETTINGS[feature], "precision")}

    def sources_of(self, feature: Feature) -> tuple[ModelSource, ...]:
        """The models in Hugging Face layout that a feature is computed with; LPIPS is not one of them."""
        if feature == "identity":
            comparisons = self.comparisons.values()
            return tuple(dict.fromkeys(comparison.view.embedding.source for comparison in comparisons))
        return {"clip": (self.clip,), "segments": (self.segmenter,), "lpips": ()}[feature]


_SETTINGS: dict[Feature, tuple[str, ...]] = {
    "clip": ("clip", "clip_view", "clip_backend", "clip_scale", "clip_floor"),
    "identity": (
        "identity", "identity_kind", "identity_view", "mask_fill", "framing", "instances", "alternatives",
        "identity_scale",
    ),
    "segments": (
        "segmenter", "segmenter_kind", "segmenter_view", "segmentation", "score_threshold", "mask_threshold",
        "overlap_threshold",
    ),
    "lpips": ("lpips", "lpips_view"),
}  # fmt: skip
"""The settings of `Preset.describe` that each feature depends on."""
_SEGMENTATIONS = {
    "maskformer": "panoptic, nothing fused",
    "yolo": "instances, each pixel the most confident's, boxes as found",
}
_WHOLE = "picture, whether or not the concept is found in it"
"""The framing of presets that compare whole pictures: a part of their scores' keys, as it once was not so."""
_CLIP_L14 = ModelSource("openai/clip-vit-large-patch14", "32bd64288804d66eefd0ccbe215aa642df71cc41")
# `main` (3d74acf9) holds no safetensors. This is refs/pr/15, which Hugging Face's candle loads (candle-examples/clip):
# the weights of sentence-transformers/clip-ViT-B-32 (SHA-256 99d28a65...), configuration and processor as on `main`.
_CLIP_B32 = ModelSource("openai/clip-vit-base-patch32", "b33cedfd0df4e43b8238760678fcc89e1a0d38b3")
_DINO_B16 = ModelSource("facebook/dino-vitb16", "f205d5d8e640a89a2b8ef0369670dfc37cc07fc2")
_MASKFORMER_COCO = ModelSource("facebook/maskformer-swin-large-coco", "main")  # no commit is known from public sources
_DINOV2_SMALL = ModelSource("facebook/dinov2-small", "ed25f3a31f01632728cabb09d1542f84ab7b0056")
_DINOV2 = ModelSource("facebook/dinov2-base", "f9e44c814b77203eaa57a6bdbbd535f21ede1415")
_OFFICIAL_VIEW = ResizeCrop(resize=256, crop=224, mean=IMAGENET_MEAN, std=IMAGENET_STD)

_PAPER = Preset(
    name="paper",
    summary="Break-A-Scene: CLIP ViT-L/14, DINO ViT-B/16 (official 256/224 view), MaskFormer Swin-L, LPIPS",
    clip=_CLIP_L14,
    identity=_DINO_B16,
    segmenter=_MASKFORMER_COCO,
    lpips=LpipsSource("alex"),
    identity_view=_OFFICIAL_VIEW,
    alternatives=(*ON_THE_PICTURE, embedding("clip", _CLIP_L14), embedding("dinov2", _DINOV2)),
)
_PLAYROOM = Preset(
    name="playroom",
    summary="the package's own small evaluators, which know Playroom's toys and nothing else",
    clip=ModelSource(str(CHECKPOINTS / "clip")),
    identity=ModelSource(str(CHECKPOINTS / "vit")),
    segmenter=ModelSource(str(CHECKPOINTS / "maskformer")),
    lpips=LpipsSource("playroom", str(CHECKPOINTS / "lpips")),
    alternatives=(*ON_THE_PICTURE, embedding("clip", ModelSource(str(CHECKPOINTS / "clip")))),
)
_BY_YOLO: dict[str, Any] = {"segmenter_kind": "yolo", "score_threshold": 0.25, "overlap_threshold": 0.7}
"""ultralytics' default thresholds."""
_AS_EM: dict[str, Any] = {
    "identity_kind": "clip",
    "identity_view": None,
    "mask_fill": None,
    "framing": "box",
    **_BY_YOLO,
}
"""Rahman et al. 2024, section 4: YOLO finds the object, its box is compared by CLIP with the target object's."""

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
        replace(
            _PAPER,
            name="em",
            summary="Visual Concept EM: YOLO's boxes compared by CLIP (ViT-L/14, as the paper does not say which)",
            identity=_CLIP_L14,
            segmenter=ModelSource(str(YOLO_FOLDER)),
            alternatives=(FILL_BLACK, INSTANCES_BEST, embedding("dino", _DINO_B16, _OFFICIAL_VIEW)),
            **_AS_EM,
        ),
        replace(
            _PAPER,
            name="custom-diffusion",
            summary="CustomConcept101: CLIP ViT-B/32 x 2.5, at least 0; DINO ViT-S/16 on whole pictures",
            clip=_CLIP_B32,
            clip_scale=2.5,
            clip_floor=0.0,
            # `main` is abe3b354 in public records; it seems to hold no safetensors, made by the hub for `main` alone
            identity=ModelSource("facebook/dino-vits16", "main"),
            mask_fill=None,
            alternatives=(FILL_BLACK, embedding("clip", _CLIP_B32)),
        ),
        replace(
            _PAPER,
            name="dreambench++",
            summary="DreamBench++: CLIP ViT-B/32 x 100; DINO ViT-S/8 on whole pictures (its cosine, not x 100)",
            clip=_CLIP_B32,
            clip_scale=100.0,
            identity=ModelSource("facebook/dino-vits8", "main"),  # no commit is known from public sources
            mask_fill=None,
            alternatives=(
                FILL_BLACK,
                embedding("clip", _CLIP_B32),
                embedding("dinov2", _DINOV2_SMALL),
            ),
        ),
        _PLAYROOM,
        replace(
            _PLAYROOM,
            name="playroom-yolo",
            summary="as playroom, but objects are found by its YOLO-seg",
            segmenter=ModelSource(str(CHECKPOINTS / "yolo")),
            **_BY_YOLO,
        ),
        replace(
            _PLAYROOM,
            name="playroom-open-clip",
            summary="as playroom, but CLIP is computed by open_clip",
            clip_backend="open_clip",
        ),
        replace(
            _PLAYROOM,
            name="playroom-em",
            summary="as em, by Playroom's own YOLO-seg and CLIP",
            identity=_PLAYROOM.clip,
            segmenter=ModelSource(str(CHECKPOINTS / "yolo")),
            alternatives=(FILL_BLACK, INSTANCES_BEST, embedding("dino", _PLAYROOM.identity)),
            **_AS_EM,
        ),
    )
}
"""The presets by name."""


def find_preset(name: str) -> Preset:
    """The preset called `name`; raises `UserError` naming the known ones."""
    if name in PRESETS:
        return PRESETS[name]
    raise UserError(f"no metric preset is called '{name}'{did_you_mean(name, PRESETS)} Known: {', '.join(PRESETS)}")
