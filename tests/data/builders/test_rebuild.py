"""Sharing: the manifest and COCO's pictures give the same bytes, and differences are named."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bench.core.errors import UserError
from bench.data.builders.coco import CocoBuilder
from bench.data.builders.rebuild import rebuild
from bench.data.load import load_dataset
from bench.data.manifest import read_manifest

Recipe = Callable[..., CocoBuilder]


def files(folder: Path) -> dict[str, str]:
    found = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in found}


def test_a_manifest_rebuilds_to_equal_bytes_without_annotations(
    toys: Path, tmp_path: Path, recipe: Recipe, capsys: Any
) -> None:
    recipe(toys, prompts="random").build(tmp_path / "a")
    (toys / "annotations" / "instances_playroom.json").unlink()
    rebuild(tmp_path / "a" / "manifest.json", toys, tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert "4 of 4 scenes as in the manifest" in capsys.readouterr().out
    rebuild(tmp_path / "a" / "manifest.json", toys, tmp_path / "b")
    assert "already built" in capsys.readouterr().out


def test_a_manifest_made_without_pictures_gives_the_full_dataset(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    recipe(toys).build(tmp_path / "a")
    recipe(toys, manifest_only=True).build(tmp_path / "plan")
    rebuild(tmp_path / "plan" / "manifest.json", toys, tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_jpegs_of_real_records_rebuild_to_equal_bytes(coco_sample: Path, tmp_path: Path, recipe: Recipe) -> None:
    recipe(coco_sample, only_present=True, size=64).build(tmp_path / "a")
    rebuild(tmp_path / "a" / "manifest.json", coco_sample, tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_scenes_whose_pixels_differ_are_named(toys: Path, tmp_path: Path, recipe: Recipe, capsys: Any) -> None:
    recipe(toys).build(tmp_path / "a")
    scene = read_manifest(tmp_path / "a" / "manifest.json").scenes[1]
    file = toys / scene.split / scene.file_name
    with Image.open(file) as image:
        other = image.convert("RGB")
    other.putpixel((40, 40), (1, 2, 3))
    other.save(file)
    rebuild(tmp_path / "a" / "manifest.json", toys, tmp_path / "b")
    said = capsys.readouterr().out
    assert f"{scene.name}: its pixels differ: another JPEG decoder, or another file" in said
    assert "3 of 4 scenes as in the manifest" in said
    assert len(load_dataset(tmp_path / "b").scenes) == 4
    assert (
        read_manifest(tmp_path / "b" / "manifest.json").sha256 != read_manifest(tmp_path / "a" / "manifest.json").sha256
    )


def test_missing_pictures_leave_nothing_behind(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    recipe(toys).build(tmp_path / "a")
    for file in (toys / "playroom").iterdir():
        file.unlink()
    with pytest.raises(UserError, match="4 of 4 pictures missing"):
        rebuild(tmp_path / "a" / "manifest.json", toys, tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_an_output_of_another_recipe_is_left_alone(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    recipe(toys).build(tmp_path / "a")
    recipe(toys, seed=3).build(tmp_path / "b")
    with pytest.raises(UserError, match=r"holds another dataset: seed 3 \(now 0\)"):
        rebuild(tmp_path / "a" / "manifest.json", toys, tmp_path / "b")
