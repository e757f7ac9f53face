"""Scenes made by a program become a dataset that is read back as they were."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.core.errors import UserError
from bench.core.scenes import Mask, Prompt, Scene
from bench.data.builders.in_memory import write_scenes
from bench.data.load import load_dataset


def test_what_is_read_back_is_what_was_written(scene: Scene, tmp_path: Path) -> None:
    soft = np.where(scene.concepts[0].mask, np.uint8(180), np.uint8(3))
    part = replace(scene.concepts[0], object="chair", soft=soft)
    other = replace(scene, name="other", concepts=(part, scene.concepts[1]))
    write_scenes(tmp_path / "out", "mine", (scene, other), {"seed": 1})
    dataset = load_dataset(tmp_path / "out")
    assert (dataset.name, [one.name for one in dataset.scenes]) == ("mine", ["pair", "other"])
    for read, written in zip(dataset.scenes, (scene, other), strict=True):
        assert np.array_equal(read.picture, written.picture)
        assert read.prompts == written.prompts
        for concept, true in zip(read.concepts, written.concepts, strict=True):
            assert (concept.label, concept.object, concept.handle) == (true.label, true.object, true.handle)
            assert np.array_equal(concept.mask, true.mask)
            assert np.array_equal(concept.soft_mask, true.soft_mask)


def test_the_same_again_stays_and_another_is_refused(scene: Scene, tmp_path: Path) -> None:
    write_scenes(tmp_path / "out", "mine", (scene,), {})
    before = (tmp_path / "out" / "manifest.json").stat().st_mtime_ns
    write_scenes(tmp_path / "out", "mine", (scene,), {})
    assert (tmp_path / "out" / "manifest.json").stat().st_mtime_ns == before
    darker = replace(scene, picture=scene.picture // 2)
    with pytest.raises(UserError, match="holds another dataset"):
        write_scenes(tmp_path / "out", "mine", (darker,), {})


@pytest.mark.parametrize("fault", ["none", "twice", "size", "empty"])
def test_scenes_that_no_dataset_can_have(scene: Scene, tmp_path: Path, fault: str) -> None:
    empty = replace(scene.concepts[0], mask=np.zeros_like(scene.concepts[0].mask))
    scenes = {
        "none": (),
        "twice": (scene, scene),
        "size": (scene, replace(scene, name="b", picture=scene.picture[:16, :16])),
        "empty": (replace(scene, concepts=(empty,)),),
    }[fault]
    with pytest.raises(UserError):
        write_scenes(tmp_path / "out", "mine", scenes, {})
    assert not (tmp_path / "out").exists()


def with_mask(scene: Scene, number: int, mask: Mask) -> Scene:
    concepts = [replace(one, mask=mask) if i == number else one for i, one in enumerate(scene.concepts)]
    return replace(scene, concepts=tuple(concepts))


def test_a_wrong_mask_is_named_by_its_concept_with_both_shapes(scene: Scene, tmp_path: Path) -> None:
    shapes = r"has the shape \[16, 16\], its picture \[32, 32\]: make them equal"
    told = rf"pair: the mask of concept 1 \('umbrella'\) {shapes}"
    with pytest.raises(UserError, match=told):
        write_scenes(tmp_path / "out", "d", [with_mask(scene, 1, np.ones((16, 16), np.bool_))], {})
    with pytest.raises(UserError, match=r"pair: the mask of concept 0 \('cat'\) is empty"):
        write_scenes(tmp_path / "out", "d", [with_mask(scene, 0, np.zeros((32, 32), np.bool_))], {})
    wide = replace(scene, picture=np.zeros((32, 48, 3), np.uint8))
    with pytest.raises(UserError, match=r"pair: its picture has the shape \[32, 48, 3\], not \[32, 32, 3\]"):
        write_scenes(tmp_path / "out", "d", [wide], {})
    with pytest.raises(UserError, match="pair: it has no concept"):
        write_scenes(tmp_path / "out", "d", [replace(scene, concepts=())], {})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"prompts": (Prompt("a photo of {tokens} on the moon", (0,)),)}, "'pair' differs in its prompts"),
        ({"no_masks": True}, "'pair' differs in its no_masks"),
    ],
)
def test_what_no_hash_of_the_content_has_is_compared_as_well(
    scene: Scene, tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    write_scenes(tmp_path / "out", "mine", (scene,), {})
    with pytest.raises(UserError, match=f"holds another dataset: scene {told}"):
        write_scenes(tmp_path / "out", "mine", (replace(scene, **changes),), {})


def test_the_order_of_scenes_is_a_part_of_the_dataset(scene: Scene, tmp_path: Path) -> None:
    scenes = scene, replace(scene, name="other")
    write_scenes(tmp_path / "out", "mine", scenes, {})
    with pytest.raises(UserError, match="holds another dataset: scene 'other' differs in its name"):
        write_scenes(tmp_path / "out", "mine", scenes[::-1], {})


def test_masks_that_methods_must_not_have_stay_with_the_evaluation(scene: Scene, tmp_path: Path) -> None:
    write_scenes(tmp_path / "out", "mine", (replace(scene, no_masks=True),), {})
    (read,) = load_dataset(tmp_path / "out").scenes
    assert all(concept.mask.any() for concept in read.concepts)
    assert not any(concept.mask.any() for concept in read.for_methods.concepts)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": "../evil"}, "has a name that is not safe as a file name"),
        ({"prompts": (Prompt("a photo of {tokens}", (3,)),)}, "has a prompt that does not fit its concepts"),
    ],
)
def test_nothing_is_written_that_could_not_be_read(
    scene: Scene, tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(UserError, match=told):
        write_scenes(tmp_path / "out", "mine", (replace(scene, **changes),), {})
    assert list(tmp_path.iterdir()) == []


def test_pictures_and_masks_of_other_numbers_are_refused_in_one_line(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="pair: its picture is of float64; make it uint8, 0 to 255"):
        write_scenes(tmp_path / "out", "d", [replace(scene, picture=scene.picture / 255)], {})  # type: ignore[arg-type]
    grey = with_mask(scene, 1, scene.concepts[1].mask.astype(np.float32))  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"the mask of concept 1 \('umbrella'\) is of float32; make it bool"):
        write_scenes(tmp_path / "out", "d", [grey], {})
