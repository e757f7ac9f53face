"""Reading a built dataset back."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.core.errors import UserError
from bench.data.builders.coco import CocoBuilder
from bench.data.load import dataset_hash, load_dataset

Recipe = Callable[..., CocoBuilder]


def test_scenes_come_back_as_they_were_written(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    recipe(toys).build(tmp_path / "out")
    dataset = load_dataset(tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert dataset.name == "toys"
    assert [scene.name for scene in dataset.scenes] == [record["name"] for record in manifest["scenes"]]
    for scene in dataset.scenes:
        folder = tmp_path / "out" / "scenes" / scene.name
        assert np.array_equal(scene.picture, np.asarray(Image.open(folder / "img.png")))
        assert [concept.handle for concept in scene.concepts] == ["[v1]", "[v2]"]
        for k, concept in enumerate(scene.concepts):
            assert np.array_equal(concept.mask, np.asarray(Image.open(folder / f"mask{k}.png")) == 255)
            assert concept.mask.dtype == np.bool_
        assert len(scene.prompts) == 6
    assert dataset_hash(tmp_path / "out") == manifest["sha256"]


def test_the_mask_is_the_manifest_s(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    recipe(toys).build(tmp_path / "out")
    before = load_dataset(tmp_path / "out").scenes[0].concepts[0].mask
    for file in (tmp_path / "out").rglob("mask*.png"):
        file.unlink()
    assert np.array_equal(load_dataset(tmp_path / "out").scenes[0].concepts[0].mask, before)


def test_a_folder_that_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no built dataset"):
        load_dataset(tmp_path)
    with pytest.raises(UserError, match="is no built dataset"):
        load_dataset(tmp_path / "none")


def test_a_manifest_alone_says_how_to_get_the_pictures(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    recipe(toys, manifest_only=True).build(tmp_path / "out")
    with pytest.raises(UserError, match="has a manifest only; make the pictures: bench build-dataset toys --from-man"):
        load_dataset(tmp_path / "out")
