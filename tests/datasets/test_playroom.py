"""Playroom's variants that show a limitation of learning from one picture, and what stays as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.core.errors import UserError
from bench.core.scenes import Dataset
from bench.data.load import load_dataset
from bench.data.manifest import MANIFEST, read_manifest
from bench.plugins.spec import configure

FEW = "scenes=2,pool=24,formats=1"


def build(spec: str, out: Path) -> Dataset:
    configure("datasets", spec).instance.build(out)
    return load_dataset(out)


@pytest.mark.parametrize("variant", ["lit", "turned"])
def test_a_limitation_has_two_toys_a_scene_and_references_without_it(variant: str, tmp_path: Path) -> None:
    limited = build(f"playroom:{variant}[{FEW}]", tmp_path / "limited")
    usual = build(f"playroom[mix=1,0,0,samples=1,references=True,{FEW}]", tmp_path / "usual")
    assert [len(scene.concepts) for scene in limited.scenes] == [2, 2]
    for scene in limited.scenes:
        assert scene.references.keys() == set(scene.prompts)
    assert read_manifest(tmp_path / "limited" / MANIFEST).sha256 != read_manifest(tmp_path / "usual" / MANIFEST).sha256
    assert {pixels(scene.picture) for scene in limited.scenes}.isdisjoint(pixels(one.picture) for one in usual.scenes)


def pixels(picture: np.ndarray) -> bytes:
    return picture.tobytes()


def test_scenes_of_five_and_six_concepts_have_every_subset(tmp_path: Path) -> None:
    dataset = build(f"playroom:crowded[mix=0,0,0,1,1,references=False,{FEW}]", tmp_path / "d")
    assert sorted(len(scene.concepts) for scene in dataset.scenes) == [5, 6]
    for scene in dataset.scenes:
        assert len(scene.prompts) == 2 ** len(scene.concepts) - 1
        assert min(concept.mask.mean() for concept in scene.concepts) >= 0.04
        assert len({concept.handle for concept in scene.concepts}) == len(scene.concepts)
    longest = max(dataset.scenes, key=lambda scene: len(scene.concepts))
    assert longest.text_with_handles(longest.prompts[-1]).count("[v") == 6


def test_what_a_dataset_recorded_before_there_were_limitations_is_recorded_still(tmp_path: Path) -> None:
    """Its hash is of this."""
    build(f"playroom[mix=1,0,0,{FEW}]", tmp_path / "d")
    spec = read_manifest(tmp_path / "d" / MANIFEST).spec
    assert set(spec.options) == {
        *("scenes", "mix", "formats", "samples", "seed", "crop", "prompts", "split", "only_present")
    }
    build(f"playroom[mix=1,0,0,coverage=10,{FEW}]", tmp_path / "other")
    assert read_manifest(tmp_path / "other" / MANIFEST).spec.options["coverage"] == 10


def test_concepts_that_are_easily_confused_are_of_one_class_or_hide_each_other(tmp_path: Path) -> None:
    alike = build("playroom:same-class[scenes=2,pool=24,references=False]", tmp_path / "class")
    assert [len({concept.label for concept in scene.concepts}) for scene in alike.scenes] == [1, 1]
    assert read_manifest(tmp_path / "class" / MANIFEST).spec.options["repeated_classes"] is True
    near = build("playroom:overlapping[scenes=2,pool=24,references=False]", tmp_path / "near")
    assert all(len({concept.label for concept in scene.concepts}) == 2 for scene in near.scenes)


def test_five_toys_can_share_a_class(tmp_path: Path) -> None:
    dataset = build(f"playroom[shared=class,mix=0,0,0,1,0,coverage=4,{FEW}]", tmp_path / "d")
    assert [len({concept.label for concept in scene.concepts}) for scene in dataset.scenes] == [1, 1]


def test_own_templates_take_the_place_of_the_formats(tmp_path: Path) -> None:
    dataset = build("playroom:lit[scenes=1,pool=24,templates=a painting of {tokens}]", tmp_path / "d")
    assert {prompt.template for prompt in dataset.scenes[0].prompts} == {"a painting of {tokens}"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("light=101", "--light is 0 to 100 percent"),
        ("light=-1", "--light is 0 to 100 percent"),
        ("turn=91", "--turn 0 to 90 degrees"),
        ("closer=100", "--closer is 0 to 99 percent"),
        ("coverage=0", "--coverage is 1 to 100 percent"),
        ("mix=1,1,1,1", "--mix 1,1,1,1: write three whole numbers"),
        ("shared=class,light=70", "--shared class goes with neither --light nor --turn"),
        ("shared=look,turn=20", "--shared look goes with neither --light nor --turn"),
        ("shared=palette,mix=0,0,0,0,1", "there are 5: leave scenes of 6 concepts out of --mix"),
    ],
)
def test_what_cannot_be_drawn_is_refused(wrong: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        build(f"playroom[{wrong}]", tmp_path / "d")
    assert list(tmp_path.iterdir()) == []
