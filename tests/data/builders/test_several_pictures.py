"""Scenes whose concepts come from several pictures: read from folders, written, recorded and read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench.core.errors import UserError
from bench.core.scenes import BACKGROUND, Scene
from bench.data.builders.folder import FolderBuilder
from bench.data.load import load_dataset
from bench.data.manifest import read_manifest
from bench.data.prompts import PromptPlan, parse_formats

PLAN = PromptPlan(parse_formats("2"), 1, "powerset", 0)


def recipe(folder: Path, *, background: bool = False) -> FolderBuilder:
    return FolderBuilder(folder, 32, background, PLAN, {"background": background})


def shoot(folder: Path, colour: int, size: tuple[int, int], boxes: list[tuple[int, int, int, int]]) -> None:
    """A picture of one grey with a mask for each box."""
    folder.mkdir(parents=True)
    Image.new("RGB", size, (colour, colour, colour)).save(folder / "img.png")
    for number, box in enumerate(boxes):
        mask = Image.new("L", size)
        mask.paste(255, box)
        mask.save(folder / f"mask{number}.png")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """One scene: two concepts in a dark, wide picture and one in a light, square one; and another, of one picture."""
    root = tmp_path / "photos"
    shoot(root / "friends" / "1-yard", 40, (96, 64), [(16, 0, 40, 64), (60, 0, 80, 64)])
    shoot(root / "friends" / "2-hill", 200, (64, 64), [(0, 0, 64, 32)])
    (root / "friends" / "1-yard" / "labels.txt").write_text("dog\ncat\n")
    (root / "friends" / "2-hill" / "labels.txt").write_text("person\n")
    shoot(root / "plain", 90, (64, 64), [(0, 0, 32, 32)])
    return root


@pytest.fixture
def built(pictures: Path, tmp_path: Path) -> Scene:
    recipe(pictures).build(tmp_path / "out")
    friends, plain = load_dataset(tmp_path / "out").scenes
    assert plain.pictures == (plain.picture,)
    return friends


def test_concepts_are_numbered_through_and_know_their_picture(built: Scene) -> None:
    assert [(one.label, one.handle, one.picture) for one in built.concepts] == [
        ("dog", "[v1]", 0),
        ("cat", "[v2]", 0),
        ("person", "[v3]", 1),
    ]
    assert built.concepts_by_image == ((0, 1), (2,))
    assert [int(built.picture_of(index).mean()) for index in range(3)] == [40, 40, 200]
    assert all(picture.shape == (32, 32, 3) for picture in built.pictures)


def test_masks_are_cropped_with_their_own_picture(built: Scene) -> None:
    dog, cat, person = (concept.mask for concept in built.concepts)
    assert dog[:, :12].all()
    assert dog.sum() == 12 * 32
    assert cat[:, 22:].all()
    assert cat.sum() == 10 * 32
    assert person[:16].all()
    assert person.sum() == 16 * 32


def test_prompts_join_concepts_of_different_pictures(built: Scene) -> None:
    assert len(built.prompts) == 2 * 7
    assert {prompt.subset for prompt in built.prompts} == {(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)}
    concepts_by_image = next(prompt for prompt in built.prompts if prompt.subset == (0, 2))
    assert built.text_with_classes(concepts_by_image) == "a photo of a dog and a person at the beach"


def test_each_picture_gets_its_own_background(pictures: Path, tmp_path: Path) -> None:
    recipe(pictures, background=True).build(tmp_path / "out")
    friends, _ = load_dataset(tmp_path / "out").scenes
    labels = [(concept.label, concept.picture) for concept in friends.concepts]
    assert labels == [("dog", 0), ("cat", 0), (BACKGROUND, 0), ("person", 1), (BACKGROUND, 1)]
    np.testing.assert_array_equal(friends.concepts[4].mask, ~friends.concepts[3].mask)


def test_the_same_folder_gives_the_same_bytes(pictures: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        recipe(pictures).build(tmp_path / name)
    for file in ("manifest.json", "sheet.png", "scenes/friends/img1.png"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_a_further_picture_that_was_changed_is_refused(pictures: Path, tmp_path: Path) -> None:
    recipe(pictures).build(tmp_path / "out")
    Image.new("RGB", (32, 32)).save(tmp_path / "out" / "scenes" / "friends" / "img1.png")
    with pytest.raises(UserError, match=r"img1\.png is not the picture that was built"):
        load_dataset(tmp_path / "out")


def test_a_changed_source_of_a_further_picture_is_another_dataset(pictures: Path, tmp_path: Path) -> None:
    recipe(pictures).build(tmp_path / "out")
    Image.new("RGB", (64, 64)).save(pictures / "friends" / "2-hill" / "img.png")
    with pytest.raises(UserError, match="holds another dataset"):
        recipe(pictures).build(tmp_path / "out")


def test_all_pictures_together_have_a_limit_of_concepts(pictures: Path, tmp_path: Path) -> None:
    shoot(pictures / "friends" / "3-many", 10, (64, 64), [(0, 0, 8, 8)] * 6)
    with pytest.raises(UserError, match="friends has 9 concepts; at most 8"):
        recipe(pictures).build(tmp_path / "out")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda more: more.update(shows=[]), "a picture without one"),
        (lambda more: more.update(shows=[0, 1, 2]), "a picture without one"),
        (lambda more: more.update(shows=[7]), "a concept in two pictures"),
        (lambda more: more.update(crop=[0, 0, 64, 63]), "a crop that is not a square"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(
    pictures: Path, tmp_path: Path, spoil: Callable[[dict[str, Any]], None], said: str
) -> None:
    from bench.data.manifest import _digest

    recipe(pictures).build(tmp_path / "out")
    file = tmp_path / "out" / "manifest.json"
    content = json.loads(file.read_bytes())
    spoil(content["scenes"][0]["more"][0])
    rest = {key: value for key, value in content.items() if key not in ("schema", "sha256")}
    file.write_text(json.dumps({**content, "sha256": _digest(rest)}))
    with pytest.raises(UserError, match=f"scene 'friends' has .*{said}"):
        read_manifest(file)
