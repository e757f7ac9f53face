"""The parts of the evaluation of Playroom's checkpoints: what each reads, depends on and measures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.core.device import Hardware, drawing_precision
from bench.core.errors import UserError
from bench.diffusion.backbone.checkpoint import weights_hash
from bench.playroom.evaluate.appearance import drawn_appearance_figures
from bench.playroom.evaluate.base_model import base_appearance_figures, one_toy_figures, two_toys_figures
from bench.playroom.evaluate.clip import clip_figures
from bench.playroom.evaluate.common import PlayroomEvaluators, load_evaluators
from bench.playroom.evaluate.drawn_samples import CachedGenerator
from bench.playroom.evaluate.headroom import Size, headroom_figures
from bench.playroom.evaluate.lpips import lpips_figures
from bench.playroom.evaluate.maskformer import maskformer_figures
from bench.playroom.evaluate.size import machine, size_figures, speed_figures
from bench.playroom.evaluate.vit import vit_figures
from bench.playroom.evaluate.yolo import yolo_figures
from bench.playroom.world.scene import RENDERER
from bench.plugins.backbone_settings import read_settings
from bench.scoring.models.sources import LpipsSource, ModelSource
from bench.scoring.presets import Preset, find_preset
from bench.scoring.scorer import Scorer

EVALUATION_VERSION = 1
"""Incremented whenever a change changes a figure of the same checkpoints: then everything is measured again."""
REPEATS = 15
"""The number of repetitions of a timed operation."""


@dataclass(frozen=True)
class Amount:
    """How much is measured: `seeds` pictures per text, held-out scenes, and the headroom's numbers."""

    seeds: int
    scenes: int
    toys: int
    descriptions: int


@dataclass(frozen=True)
class Evaluation:
    """The checkpoints in a folder, their device, and how much is measured; models are loaded when first needed."""

    checkpoints: Path
    hardware: Hardware
    amount: Amount
    generator: CachedGenerator

    @cached_property
    def preset(self) -> Preset:
        """The playroom preset on this folder's checkpoints."""
        return dataclasses.replace(
            find_preset("playroom"),
            clip=ModelSource(str(self.checkpoints / "clip")),
            identity=ModelSource(str(self.checkpoints / "vit")),
            segmenter=ModelSource(str(self.checkpoints / "maskformer")),
            lpips=LpipsSource("playroom", str(self.checkpoints / "lpips")),
            alternatives=(),
        )

    @cached_property
    def evaluators(self) -> PlayroomEvaluators:
        """CLIP, ViT and MaskFormer."""
        return load_evaluators(self.preset, self.hardware.device)

    @cached_property
    def scorer(self) -> Scorer:
        """The benchmark's own scorer."""
        return Scorer.load(self.preset, str(self.hardware.device))


def _nothing(_evaluation: Evaluation) -> dict[str, Any]:
    return {}


def _sampler(evaluation: Evaluation) -> dict[str, Any]:
    sampler = read_settings(evaluation.checkpoints / "pipeline").sampler
    return {"sampler": {**dataclasses.asdict(sampler), "precision": drawing_precision(evaluation.hardware.precision)}}


@dataclass(frozen=True)
class SuitePart:
    """One part of the evaluation.

    It reads the checkpoints `reads`, and its figures depend on these `amounts` and on what `also` returns.
    """

    name: str
    reads: tuple[str, ...]
    amounts: tuple[str, ...]
    measure: Callable[[Evaluation], dict[str, Any]]
    also: Callable[[Evaluation], dict[str, Any]] = _nothing

    def inputs(self, evaluation: Evaluation) -> dict[str, Any]:
        """Everything that the part's figures depend on; raises `UserError` if a checkpoint is missing."""
        for name in self.reads:
            if not (evaluation.checkpoints / name).is_dir():
                raise UserError(f"there is no {evaluation.checkpoints / name}; run `python -m bench.playroom.train`")
        return {
            "exam": EVALUATION_VERSION,
            "renderer": RENDERER,
            **{name: weights_hash(evaluation.checkpoints / name) for name in self.reads},
            **{name: getattr(evaluation.amount, name) for name in self.amounts},
            **self.also(evaluation),
        }


def _size(evaluation: Evaluation) -> dict[str, Any]:
    return size_figures(evaluation.checkpoints)


def _clip(evaluation: Evaluation) -> dict[str, Any]:
    return clip_figures(evaluation.evaluators, evaluation.amount.scenes)


def _vit(evaluation: Evaluation) -> dict[str, Any]:
    return vit_figures(evaluation.evaluators, evaluation.amount.scenes)


def _maskformer(evaluation: Evaluation) -> dict[str, Any]:
    return maskformer_figures(evaluation.evaluators, evaluation.amount.scenes)


def _drawn_appearance(evaluation: Evaluation) -> dict[str, Any]:
    return drawn_appearance_figures(evaluation.evaluators, evaluation.amount.scenes)


def _yolo(evaluation: Evaluation) -> dict[str, Any]:
    return yolo_figures(evaluation.checkpoints / "yolo", evaluation.amount.scenes)


def _lpips(evaluation: Evaluation) -> dict[str, Any]:
    return lpips_figures(evaluation.checkpoints / "lpips", evaluation.amount.scenes)


def _one_toy(evaluation: Evaluation) -> dict[str, Any]:
    return one_toy_figures(evaluation.generator, evaluation.evaluators, evaluation.amount.seeds)


def _two_toys(evaluation: Evaluation) -> dict[str, Any]:
    return two_toys_figures(evaluation.generator, evaluation.evaluators, evaluation.amount.seeds)


def _base_appearance(evaluation: Evaluation) -> dict[str, Any]:
    return base_appearance_figures(evaluation.generator, evaluation.evaluators, evaluation.amount.seeds)


def _headroom(evaluation: Evaluation) -> dict[str, Any]:
    size = Size(evaluation.amount.toys, evaluation.amount.descriptions, evaluation.amount.seeds)
    return headroom_figures(evaluation.generator, evaluation.evaluators, evaluation.scorer, size)


def _speed(evaluation: Evaluation) -> dict[str, Any]:
    return speed_figures(evaluation.generator.backbone, REPEATS)


def _machine(evaluation: Evaluation) -> dict[str, Any]:
    return {**_sampler(evaluation), "machine": machine(evaluation.hardware.device)}


JUDGED = ("pipeline", "clip", "maskformer")
PARTS: tuple[SuitePart, ...] = (
    SuitePart("size", (), (), _size, also=_size),
    SuitePart("clip", ("clip",), ("scenes",), _clip),
    SuitePart("vit", ("vit",), ("scenes",), _vit),
    SuitePart("maskformer", ("maskformer",), ("scenes",), _maskformer),
    SuitePart("drawn-looks", ("clip", "maskformer"), ("scenes",), _drawn_appearance),
    SuitePart("yolo", ("yolo",), ("scenes",), _yolo),
    SuitePart("lpips", ("lpips",), ("scenes",), _lpips),
    SuitePart("one-toy", JUDGED, ("seeds",), _one_toy, also=_sampler),
    SuitePart("two-toys", JUDGED, ("seeds",), _two_toys, also=_sampler),
    SuitePart("base-looks", JUDGED, ("seeds",), _base_appearance, also=_sampler),
    SuitePart(
        "headroom",
        ("pipeline", "maskformer", "vit"),
        ("seeds", "toys", "descriptions"),
        _headroom,
        also=_sampler,
    ),
    SuitePart("speed", ("pipeline",), (), _speed, also=_machine),
)
"""All parts, the fast ones first; `speed` is only reliable on idle cores."""
