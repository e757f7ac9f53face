"""Reading a built dataset back."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.core.errors import UserError
from bench.data.builders.coco import CocoBuilder
from bench.data.coco.masks import counts_text
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


def test_a_picture_of_another_size_than_the_manifest_says(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    """A manifest that says 10,000 of small pictures: its masks would be 100 MB each."""
    recipe(toys).build(tmp_path / "out")
    file = tmp_path / "out" / "manifest.json"
    content = json.loads(file.read_bytes())
    content["identity"]["size"] = 10_000
    whole = {"size": [10_000, 10_000], "counts": counts_text(np.ones((10_000, 10_000), dtype=np.bool_))}
    for scene in content["scenes"]:
        scene["masks"] = [whole for _ in scene["masks"]]
    facts = {key: value for key, value in content.items() if key not in ("schema", "sha256")}
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    file.write_text(json.dumps({**content, "sha256": hashlib.sha256(text.encode()).hexdigest()}))
    with pytest.raises(UserError, match="is of 32 x 32 pixels, not 10000 x 10000 as the manifest says"):
        load_dataset(tmp_path / "out")


def test_a_folder_that_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a built dataset"):
        load_dataset(tmp_path)
    with pytest.raises(UserError, match="is not a built dataset"):
        load_dataset(tmp_path / "none")


def test_a_manifest_alone_says_how_to_get_the_pictures(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    recipe(toys, manifest_only=True).build(tmp_path / "out")
    with pytest.raises(UserError, match="has a manifest only; make the pictures: bench build-dataset toys --from-man"):
        load_dataset(tmp_path / "out")
