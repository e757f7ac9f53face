"""Playroom's references: the toys of a scene in another pose, in the context of the prompt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.core.images import read_picture
from bench.core.scenes import ImageArray
from bench.data.load import load_dataset
from bench.data.manifest import MANIFEST, Manifest, read_manifest
from bench.data.references import write_references
from bench.playroom.world.coco import CocoSpec, pool_scene
from bench.playroom.world.redrawing import Redrawing, identity
from bench.playroom.world.scene import PlacedToy, ToyScene, draw
from bench.playroom.world.toys import PALETTE, ToyIdentity
from bench.plugins.spec import configure

SPEC = CocoSpec(60, 0, 64, (2,))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("playroom") / "d"
    configure("datasets", "playroom:quick[scenes=2,formats=jungle]").instance.build(folder)
    return folder


@pytest.fixture
def manifest(built: Path) -> Manifest:
    return read_manifest(built / MANIFEST)


def test_a_built_dataset_has_a_reference_for_every_prompt(built: Path) -> None:
    for scene in load_dataset(built).scenes:
        assert scene.references.keys() == set(scene.prompts)
        for file in scene.references.values():
            picture = read_picture(file)
            assert picture.shape == scene.picture.shape
            assert not np.array_equal(picture, scene.picture)


@pytest.mark.parametrize("number", [0, 1])
def test_a_reference_of_one_toy_shows_its_colours_and_not_the_others(manifest: Manifest, number: int) -> None:
    record = manifest.scenes[0]
    assert record.image_id is not None
    world = pool_scene(SPEC, record.image_id)
    alone = next(prompt for prompt in record.prompts if prompt.subset == (number,))
    picture = Redrawing(SPEC).draw(record, alone)
    toys = [identity(world, label, record.mask(index)) for index, label in enumerate(record.classes)]
    own, other = toys[number], toys[1 - number]
    assert share(picture, {own.first, own.second} - {other.first, other.second}) > 0.01
    assert share(picture, {other.first, other.second} - {own.first, own.second}) == 0


def share(picture: ImageArray, colours: set[str]) -> float:
    """How much of the picture has one of the colours, within what averaging down leaves."""
    near = [np.abs(picture.astype(int) - PALETTE[name]).max(axis=2) < 12 for name in colours]
    return float(np.any(near, axis=0).mean())


def test_they_are_the_same_each_time_and_differ_by_prompt(manifest: Manifest) -> None:
    record = manifest.scenes[0]
    pictures = [Redrawing(SPEC).draw(record, prompt).tobytes() for prompt in record.prompts for _ in range(2)]
    assert pictures[0::2] == pictures[1::2]
    assert len(set(pictures)) == len(record.prompts)


def test_of_two_toys_of_a_class_the_one_under_the_mask_is_meant() -> None:
    left = PlacedToy(ToyIdentity("mug", "teal", "teal", "plain"), 0.25, 0.5, 0.4, 0.0, False)
    right = PlacedToy(ToyIdentity("mug", "lime", "lime", "plain"), 0.75, 0.5, 0.4, 0.0, False)
    world = ToyScene((left, right), None, 0)
    masks = draw(world, 48).masks
    assert [identity(world, "mug", mask).first for mask in masks] == ["teal", "lime"]


def test_only_what_is_missing_is_drawn(built: Path, manifest: Manifest) -> None:
    files = sorted(built.rglob("references/*.png"))
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in files}
    files[1].unlink()
    write_references(built, manifest, Redrawing(SPEC).draw)
    after = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in files}
    assert [file for file in files if after[file][1] != before[file][1]] == [files[1]]
    assert {file: content for file, (content, _) in after.items()} == {file: old for file, (old, _) in before.items()}
