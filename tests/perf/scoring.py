"""The case of scoring: beside the same forward passes of the evaluators on tensors that lie ready.

The evaluators are Playroom's, or those of the preset `paper` with random weights, built from their configurations. As
a segmenter finds nothing in noise, MaskFormer's answers are replaced by six objects a picture. What is recorded in one
pass and repeated alone is every call of a network that scoring makes, with the very tensors it got.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import transformers
from harness import Case, Clock, Pair
from paper_models import LABELS, build_evaluators
from PIL import Image
from torch.nn.modules import module as hooks
from transformers import MaskFormerForInstanceSegmentation

from bench.core.files import write_json
from bench.core.scenes import Concept, Prompt, Scene, handle
from bench.plugins.method import Request
from bench.run import scoring
from bench.run.folder import SCHEMA, RunFolder
from bench.run.plan import PlannedPicture, Unit
from bench.scoring.models.class_words import known_words
from bench.scoring.presets import Preset, find_preset
from bench.scoring.scorer import Scorer
from bench.scoring.selection import columns_of, metric_key, standard_metrics

SAMPLES = 2
PROMPTS_A_UNIT = 4
FOUND = (0, 1, 0, 2, 3, 4)
"""Classes of the six objects in every picture: two of the first concept's, one of the second's, three of others."""

Forward = tuple[torch.nn.Module, tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class Evaluators:
    """The networks that score: a preset, made in a folder, the side of their pictures and words that they know."""

    name: str
    side: int
    preset: Callable[[Path], Preset]
    words: Callable[[Preset], list[str]]


PLAYROOM = Evaluators(
    "score", 64, lambda _folder: find_preset("playroom"), lambda preset: sorted(known_words(preset))[:2]
)
FULL_SIZE = Evaluators("score: full-size evaluators", 512, build_evaluators, lambda _preset: [LABELS[0], LABELS[1]])


@dataclass(frozen=True)
class Setting:
    """What is timed: the scoring of the units' pictures in a run's folder."""

    folder: RunFolder
    units: tuple[Unit, ...]
    preset: Preset
    scorer: Scorer


def case(evaluators: Evaluators, path: Path, pictures: int, device: torch.device) -> Case:
    """Scoring so many pictures (a multiple of 2) with the standard metrics, in a scratch folder."""
    clock = Clock(device)

    def pairs(repeats: int) -> list[Pair]:
        transformers.utils.logging.disable_progress_bar()
        setting = prepare(evaluators, path, pictures, device)
        with finding_objects():
            score(setting)  # warm: texts and the scenes' own concepts are embedded once in a process
            with recording() as forwards:
                score(setting)
            return [
                Pair(clock.seconds(lambda: score(setting)), clock.seconds(lambda: replay(forwards)))
                for _ in range(repeats)
            ]

    beside = "the same calls of the evaluators"
    return Case(evaluators.name, f"a picture (of {pictures})", beside, pairs, units=pictures, goal=1.05)


def score(setting: Setting) -> None:
    """As `bench score` does on pictures that were never scored: none of them was hashed in this process."""
    shutil.rmtree(setting.folder.path / "scores", ignore_errors=True)
    for file in setting.folder.path.glob("pictures/*"):
        file.touch()
    keyed = {metric_key(metric, setting.preset): metric for metric in standard_metrics()}
    columns = tuple(column for metric in keyed.values() for column in columns_of(metric, setting.preset))
    units = scoring.drawn_units(setting.folder, setting.units)
    scoring.score(setting.folder, keyed, units, setting.scorer)
    scoring.assemble(setting.folder, keyed, scoring.TableLayout("perf", setting.preset.name, columns), setting.units)


@torch.inference_mode()
def replay(forwards: list[Forward]) -> None:
    for network, arguments, named in forwards:
        network(*arguments, **named)


@contextlib.contextmanager
def recording() -> Iterator[list[Forward]]:
    """Every outermost call of a module with weights (torchvision's transforms are modules without)."""
    forwards: list[Forward] = []
    inside: list[torch.nn.Module] = []

    def enter(module: torch.nn.Module, _arguments: Any) -> None:
        if inside or next(module.parameters(), None) is not None:
            inside.append(module)

    def leave(module: torch.nn.Module, arguments: Any, named: dict[str, Any], _output: Any) -> None:
        if inside:
            inside.pop()
            if not inside:
                forwards.append((module, arguments, named))

    handles = [
        hooks.register_module_forward_pre_hook(enter),
        hooks.register_module_forward_hook(leave, with_kwargs=True, always_call=True),
    ]
    try:
        yield forwards
    finally:
        for one in handles:
            one.remove()


@contextlib.contextmanager
def finding_objects() -> Iterator[None]:
    """MaskFormer's answers become six sure rectangles, whatever its random weights said."""

    def answer(module: torch.nn.Module, _arguments: Any, output: Any) -> None:
        if isinstance(module, MaskFormerForInstanceSegmentation):
            classes, masks = output.class_queries_logits, output.masks_queries_logits
            classes.fill_(-10.0)[:, :, -1] = 10.0
            masks.fill_(-10.0)
            height, width = masks.shape[-2] // 2, masks.shape[-1] // 3
            for query, label in enumerate(FOUND):
                row, column = divmod(query, 3)
                classes[:, query, label] = 20.0
                masks[:, query, row * height : (row + 1) * height, column * width : (column + 1) * width] = 10.0

    one = hooks.register_module_forward_hook(answer)
    try:
        yield
    finally:
        one.remove()


def prepare(evaluators: Evaluators, path: Path, pictures: int, device: torch.device) -> Setting:
    """Draw the pictures, build or find the evaluators and load them as `bench score` does."""
    preset, side = evaluators.preset(path), evaluators.side
    folder = RunFolder(path / f"run-{side}")
    units = tuple(make_units(pictures, side, evaluators.words(preset)))
    rng = np.random.default_rng(0)
    for unit in units:
        drawn = {"method": "random", "pictures": [picture.key for picture in unit.pictures]}
        write_json(folder.unit_record(unit.key), drawn, SCHEMA)
        for picture in unit.pictures:
            file = folder.picture(picture.key)
            file.parent.mkdir(parents=True, exist_ok=True)
            paint(rng, side).save(file)
    return Setting(folder, units, preset, Scorer.load(preset, str(device)))


def make_units(count: int, side: int, labels: list[str]) -> Iterator[Unit]:
    """Units of two concepts and four prompts of two samples; the last may have fewer."""
    rng = np.random.default_rng(1)
    left = np.zeros((side, side), bool)
    left[:, : side // 2] = True
    concepts = tuple(Concept(labels[k], mask, handle(k)) for k, mask in enumerate((left, ~left)))
    prompts = [
        Prompt(f"a photo of {{tokens}} at place {place}", ((0,), (1,), (0, 1))[place % 3], sample)
        for place in range(count // SAMPLES)
        for sample in range(SAMPLES)
    ]
    a_unit = PROMPTS_A_UNIT * SAMPLES
    for number, start in enumerate(range(0, len(prompts), a_unit)):
        own = tuple(prompts[start : start + a_unit])
        scene = Scene(f"scene-{number}", np.asarray(paint(rng, side)), concepts, own)
        pictures = tuple(PlannedPicture(f"{number:04}-{k}", Request(prompt, k)) for k, prompt in enumerate(own))
        method: Any = SimpleNamespace(spec="random")
        yield Unit(f"unit-{number}", method, scene, 0, 0, pictures)


def paint(rng: np.random.Generator, side: int) -> Image.Image:
    """A picture with the smooth areas and the grain of a photograph, so that its PNG is of a usual size."""
    coarse = Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    grain = rng.normal(0, 4, (side, side, 3))
    return Image.fromarray((np.asarray(coarse) + grain).clip(0, 255).astype(np.uint8))
