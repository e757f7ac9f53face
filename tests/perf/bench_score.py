"""Times `bench score` at the paper's size, beside the same forward passes on tensors that lie ready.

Run by `nox -s perf`, or alone for its options; prints machine, versions, times with their spread and the overhead, and
fails above 15 %. The evaluators are those of the preset `paper` with random weights, built from their configurations;
as such a segmenter finds nothing, its answers are replaced by six objects a picture. What is recorded in one pass and
repeated as "forwards" is every call of a network that scoring makes, with the very tensors it was given.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import transformers
from paper_models import LABELS, build_evaluators
from PIL import Image
from torch.nn.modules import module as hooks
from transformers import MaskFormerForInstanceSegmentation

from bench.core.device import resolve_device
from bench.core.files import write_json
from bench.core.scenes import Concept, Prompt, Scene, handle
from bench.plugins.method import Request
from bench.run import scoring
from bench.run.folder import SCHEMA, RunFolder
from bench.run.plan import PlannedPicture, Unit
from bench.scoring.scorer import Scorer

MOST_OVERHEAD = 0.15
SIDE = 512
SAMPLES = 2
PROMPTS_A_UNIT = 4
FOUND = (0, 1, 0, 2, 3, 4)
"""Classes of the six objects in every picture: two of the first concept's, one of the second's, three of others."""
EVALUATORS = "random"

Forward = tuple[torch.nn.Module, tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class Setting:
    """What is timed: the scoring of the units' pictures in a run's folder."""

    folder: RunFolder
    units: tuple[Unit, ...]
    scorer: Scorer
    device: torch.device


@dataclass(frozen=True)
class Times:
    """Seconds on the clock and of the processor (all threads); a busy machine moves the first, hardly the second."""

    wall: float
    cpu: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="timed passes of each of the two")
    parser.add_argument("--pictures", type=int, help="pictures a pass, a multiple of 2 (default: 240, on a CPU 8)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    options = parser.parse_args()
    device = resolve_device(options.device)
    count = options.pictures or (8 if device.type == "cpu" else 240)
    transformers.utils.logging.disable_progress_bar()
    print_machine(device)
    with tempfile.TemporaryDirectory() as name, finding_objects():
        setting = prepare(Path(name), count, device)
        score(setting)  # warm: texts and the scenes' own concepts are embedded once in a process
        with recording() as forwards:
            score(setting)
        print(f"{count} pictures of {SIDE} px, {len(setting.units)} units; {len(forwards)} calls of networks a pass")
        passed = compare(setting, forwards, options.repeats, count)
    sys.exit(0 if passed else 1)


def compare(setting: Setting, forwards: list[Forward], repeats: int, count: int) -> bool:
    """Time the two in turns and print what comes of it; whether the bar was held."""
    whole, bare = [], []
    for _ in range(repeats):
        whole.append(timed(lambda: score(setting), setting.device))
        bare.append(timed(lambda: replay(forwards), setting.device))
    print_row("the whole of scoring", whole, count)
    print_row("the same forwards alone", bare, count)
    overhead = median(whole, "wall") / median(bare, "wall") - 1
    pairs = ", ".join(f"{one.wall / other.wall - 1:+.1%}" for one, other in zip(whole, bare, strict=True))
    busy = median(whole, "cpu") / median(bare, "cpu") - 1
    passed = overhead <= MOST_OVERHEAD
    print(f"overhead: {overhead:+.1%} on the clock (pair by pair {pairs}), {busy:+.1%} in CPU time")
    print(f"bar: {MOST_OVERHEAD:.0%} on the clock: {'held' if passed else 'MISSED'}")
    return passed


def score(setting: Setting) -> None:
    """As `bench score` does on pictures that were never scored: none of them was hashed in this process."""
    shutil.rmtree(setting.folder.path / "scores", ignore_errors=True)
    for file in setting.folder.path.glob("pictures/*"):
        file.touch()
    units = scoring.drawn_units(setting.folder, setting.units)
    scoring.score(setting.folder, EVALUATORS, units, setting.scorer)
    table = scoring.assemble(setting.folder, EVALUATORS, "perf", setting.units)
    if not table["detected"].all() or table["identity_similarity"].isna().any():
        sys.exit("the pictures were not scored in full: nothing is compared")


@torch.inference_mode()
def replay(forwards: list[Forward]) -> None:
    for network, arguments, named in forwards:
        network(*arguments, **named)


def timed(work: Callable[[], None], device: torch.device) -> Times:
    wait = (lambda: torch.cuda.synchronize(device)) if device.type == "cuda" else (lambda: None)
    wait()
    began, busy = time.perf_counter(), time.process_time()
    work()
    wait()
    return Times(time.perf_counter() - began, time.process_time() - busy)


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


def prepare(path: Path, count: int, device: torch.device) -> Setting:
    """Draw the pictures, build the evaluators and load them as `bench score` does."""
    folder = RunFolder(path / "run")
    units = tuple(make_units(count))
    rng = np.random.default_rng(0)
    for unit in units:
        write_json(folder.unit_record(unit.key), {}, SCHEMA)
        for picture in unit.pictures:
            file = folder.picture(picture.key)
            file.parent.mkdir(parents=True, exist_ok=True)
            paint(rng).save(file)
    return Setting(folder, units, Scorer.load(build_evaluators(path), str(device)), device)


def make_units(count: int) -> Iterator[Unit]:
    """Units of two concepts and four prompts of two samples; the last may have fewer."""
    rng = np.random.default_rng(1)
    left = np.zeros((SIDE, SIDE), bool)
    left[:, : SIDE // 2] = True
    concepts = tuple(Concept(LABELS[k], mask, handle(k)) for k, mask in enumerate((left, ~left)))
    prompts = [
        Prompt(f"a photo of {{tokens}} at place {place}", ((0,), (1,), (0, 1))[place % 3], sample)
        for place in range(count // SAMPLES)
        for sample in range(SAMPLES)
    ]
    a_unit = PROMPTS_A_UNIT * SAMPLES
    for number, start in enumerate(range(0, len(prompts), a_unit)):
        own = tuple(prompts[start : start + a_unit])
        scene = Scene(f"scene-{number}", np.asarray(paint(rng)), concepts, own)
        pictures = tuple(PlannedPicture(f"{number:04}-{k}", Request(prompt, k)) for k, prompt in enumerate(own))
        method: Any = SimpleNamespace(text="random")
        yield Unit(f"unit-{number}", method, scene, 0, 0, pictures)


def paint(rng: np.random.Generator) -> Image.Image:
    """A picture with the smooth areas and the grain of a photograph, so that its PNG is of a usual size."""
    coarse = Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).resize(
        (SIDE, SIDE), Image.Resampling.BICUBIC
    )
    grain = rng.normal(0, 4, (SIDE, SIDE, 3))
    return Image.fromarray((np.asarray(coarse) + grain).clip(0, 255).astype(np.uint8))


def print_machine(device: torch.device) -> None:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    load = os.getloadavg()[0]
    print(f"machine: {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB; load {load:.1f}; on {where}")
    packages = ("torch", "torchvision", "transformers", "pillow", "numpy", "lpips")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    print(f"versions: Python {platform.python_version()}, {versions}")


def print_row(name: str, times: list[Times], count: int) -> None:
    wall, low, high = median(times, "wall"), min(one.wall for one in times), max(one.wall for one in times)
    spread = f"{low:.2f} to {high:.2f} over {len(times)} passes; CPU {median(times, 'cpu'):.2f} s"
    print(f"{name}: {wall:.2f} s ({spread}), {1000 * wall / count:.1f} ms a picture")


def median(times: list[Times], clock: str) -> float:
    return statistics.median(getattr(one, clock) for one in times)


if __name__ == "__main__":
    main()
