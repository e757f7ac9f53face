"""Datasets whose masks methods are not given: nobody knows them, or they are for the evaluation alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.core.errors import UserError
from bench.data.builders.coco import CocoBuilder
from bench.data.builders.folder import FolderBuilder, read_folder_scene
from bench.data.load import load_dataset
from bench.data.prompts import PromptPlan, parse_formats

Recipe = Callable[..., CocoBuilder]
PLAN = PromptPlan(parse_formats("1"), 1, "powerset", 0)


def of_folder(folder: Path, *, background: bool = False) -> FolderBuilder:
    return FolderBuilder(folder, 32, background, PLAN, {})


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A picture without masks, whose labels name two concepts."""
    folder = tmp_path / "toys"
    folder.mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(folder / "img.png")
    (folder / "labels.txt").write_text("cat\n\nmug\n")
    return folder


def test_labels_alone_name_the_concepts_of_a_picture(bare: Path, tmp_path: Path) -> None:
    of_folder(bare).build(tmp_path / "out")
    (scene,) = load_dataset(tmp_path / "out").scenes
    assert [(concept.label, concept.handle) for concept in scene.concepts] == [("cat", "[v1]"), ("mug", "[v2]")]
    assert [concept.mask.any() for concept in scene.concepts] == [False, False]
    assert scene.no_masks
    assert len(scene.prompts) == 3
    assert [file.name for file in (tmp_path / "out" / "scenes" / "toys").iterdir()] == ["img.png"]
    assert read_folder_scene(bare, 32).no_masks


def test_a_manifest_says_so_only_of_scenes_without_masks(bare: Path, tmp_path: Path) -> None:
    """Rare fields are left out, so that the hashes of other datasets stay."""
    of_folder(bare).build(tmp_path / "out")
    assert '"no_masks": true' in (tmp_path / "out" / "manifest.json").read_text()
    for number in (0, 1):
        Image.new("L", (60, 40), 255).save(bare / f"mask{number}.png")
    of_folder(bare).build(tmp_path / "marked")
    assert "no_masks" not in (tmp_path / "marked" / "manifest.json").read_text()
    assert not load_dataset(tmp_path / "marked").scenes[0].no_masks


def test_a_background_needs_masks(bare: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no masks, so there is no background"):
        of_folder(bare, background=True).build(tmp_path / "out")


@pytest.mark.parametrize("count", [0, 9])
def test_labels_must_name_a_powersets_concepts(bare: Path, tmp_path: Path, count: int) -> None:
    (bare / "labels.txt").write_text("cat\n" * count)
    with pytest.raises(UserError, match=f"names {count} concepts; a scene without masks has 1 to 8"):
        of_folder(bare).build(tmp_path / "out")


def test_the_pictures_of_a_scene_have_masks_all_or_none(bare: Path, tmp_path: Path) -> None:
    scene = tmp_path / "set" / "pair"
    for name in ("a", "b"):
        (scene / name).mkdir(parents=True)
        for file in bare.iterdir():
            (scene / name / file.name).write_bytes(file.read_bytes())
    for number in (0, 1):
        Image.new("L", (60, 40), 255).save(scene / "a" / f"mask{number}.png")
    with pytest.raises(UserError, match=r"b has no mask0.png, but other pictures of its scene have"):
        of_folder(tmp_path / "set").build(tmp_path / "out")


def test_of_coco_the_truth_stays_for_the_evaluation(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    builder = recipe(toys)
    builder.build(tmp_path / "marked")
    replace(builder, no_masks=True).build(tmp_path / "bare")
    marked, bare = (load_dataset(tmp_path / name).scenes for name in ("marked", "bare"))
    for one, other in zip(marked, bare, strict=True):
        for true, concept, given in zip(one.concepts, other.concepts, other.for_methods.concepts, strict=True):
            np.testing.assert_array_equal(concept.mask, true.mask)
            assert not given.mask.any()
        assert one.for_methods is one
    written = [(tmp_path / name / "manifest.json").read_text() for name in ("marked", "bare")]
    assert ["no_masks" in text for text in written] == [False, True]
