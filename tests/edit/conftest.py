"""A source folder, a target and a tiny backbone with a budget of two steps."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.core.images import mask_png, picture_png
from bench.core.scenes import Scene
from bench.edit.options import START, EditOptions, EditPaths
from bench.run.options import BackboneOptions


@pytest.fixture
def tiny_backbone(tiny_pipeline: Path, tmp_path: Path) -> Path:
    """The tiny pipeline's folder with settings of its own."""
    folder = shutil.copytree(tiny_pipeline, tmp_path / "tiny")
    settings = {"schema": 1, "sampler": {"steps": 3, "guidance": 2.0}, "budgets": {"full": {"steps": 0.005}}}
    (folder / "scenebench.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture
def source(scene: Scene, tmp_path: Path) -> Path:
    """The cat and the umbrella as a folder of one's own."""
    folder = tmp_path / "pair"
    folder.mkdir()
    (folder / "img.png").write_bytes(picture_png(scene.picture))
    for number, concept in enumerate(scene.concepts):
        (folder / f"mask{number}.png").write_bytes(mask_png(concept.mask))
    (folder / "labels.txt").write_text("cat\numbrella")
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A picture of 48 x 32 and, beside it, the mask of its middle."""
    pixels = np.random.default_rng(5).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "room.png")
    mask = Image.new("L", (48, 32))
    mask.paste(255, (16, 8, 32, 24))
    mask.save(tmp_path / "room-mask.png")
    return tmp_path / "room.png"


@pytest.fixture
def options(source: Path, target: Path) -> EditOptions:
    """Paint the cat into the middle of the room, with `ours`."""
    mask = target.with_name("room-mask.png")
    return EditOptions("ours", source, target, (mask,), ("a photo of [v1]",), None, START, None, None)


@pytest.fixture
def setup(tiny_backbone: Path) -> BackboneOptions:
    return BackboneOptions(backbone=str(tiny_backbone), device="cpu", precision="fp32")


@pytest.fixture
def places(tmp_path: Path) -> Callable[..., EditPaths]:
    """Folders of edits and runs, with the edit's name."""
    return lambda name=None: EditPaths(tmp_path / "edits", tmp_path / "runs", name)


@pytest.fixture
def two_regions(options: EditOptions, target: Path) -> EditOptions:
    """The cat into the room's upper left quarter (of the crop), then the umbrella into the lower right one."""
    masks = (target.with_name("upper.png"), target.with_name("lower.png"))
    for file, box in zip(masks, ((8, 0, 24, 16), (24, 16, 40, 32)), strict=True):
        mask = Image.new("L", (48, 32))
        mask.paste(255, box)
        mask.save(file)
    return replace(options, masks=masks, prompts=("a [v1]", "[v2] on the table"))
