"""CLiC's pairs: what is read, what lies beside each source, and every missing part."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.core.errors import UserError
from bench.data.builders.pairs import PairsBuilder, find_pairs
from bench.data.load import load_dataset
from bench.data.prompts import PromptPlan, parse_formats
from bench.edit.inputs import read_source, read_target

PLAN = PromptPlan(parse_formats("2"), 1, "powerset", 0)


def write_side(folder: Path, word: str, seed: int) -> None:
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "img.png")
    mask = Image.new("L", (60, 40))
    mask.paste(255, (10, 0, 30, 20))
    mask.save(folder / "mask0.png")
    (folder / "objects.txt").write_text(f"{word}\n")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Two pairs: a chair's ornament for a table, a ring's for another ring."""
    root = tmp_path / "mine"
    for number, (name, source, target) in enumerate(
        [("furniture/chair to table", "chair", "table"), ("jewelry/ring", "ring", "ring")]
    ):
        write_side(root / name / "source", source, 2 * number)
        write_side(root / name / "target", target, 2 * number + 1)
    (root / "furniture/chair to table/source/labels.txt").write_text("ornament")
    return root


def test_sources_are_scenes_with_their_object(pairs: Path, tmp_path: Path) -> None:
    PairsBuilder(pairs, 20, PLAN).build(tmp_path / "out")
    scenes = load_dataset(tmp_path / "out").scenes
    assert [scene.name for scene in scenes] == ["furniture-chair-to-table", "jewelry-ring"]
    assert [(scene.concepts[0].label, scene.concepts[0].object) for scene in scenes] == [
        ("ornament", "chair"),
        ("object", "ring"),
    ]
    assert len(scenes[0].prompts) == 2


def test_a_built_pair_is_what_an_edit_needs(pairs: Path, tmp_path: Path) -> None:
    PairsBuilder(pairs, 20, PLAN).build(tmp_path / "out")
    folder = tmp_path / "out" / "scenes" / "furniture-chair-to-table"
    assert (folder / "prompt.txt").read_text() == "a photo of a table with [v1] style\n"
    assert read_source(folder, 64).concepts[0].object == "chair"
    target = read_target(folder / "target.png", [folder / "target_mask.png"], 20)
    with Image.open(pairs / "furniture/chair to table/target/img.png") as image:
        expected = image.crop((10, 0, 50, 40)).resize((20, 20), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(target.picture, np.asarray(expected))
    (mask,) = target.masks
    assert mask[:10, :10].all()
    assert mask.sum() == 100


def test_building_again_changes_nothing_and_another_target_is_noticed(pairs: Path, tmp_path: Path) -> None:
    recipe = PairsBuilder(pairs, 20, PLAN)
    recipe.build(tmp_path / "out")
    recipe.build(tmp_path / "out")
    (pairs / "jewelry/ring/target/objects.txt").write_text("crown")
    with pytest.raises(UserError, match=r"holds another dataset: source jewelry/ring/target/objects.txt"):
        recipe.build(tmp_path / "out")


@pytest.mark.parametrize("part", ["source/img.png", "source/mask0.png", "target/objects.txt", "target/mask0.png"])
def test_a_missing_part_is_named(pairs: Path, tmp_path: Path, part: str) -> None:
    (pairs / "jewelry/ring" / part).unlink()
    named = part.replace("img.png", "img.jpg")
    with pytest.raises(UserError, match=f"ring lacks {named}: a pair needs"):
        PairsBuilder(pairs, 20, PLAN).build(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_side_is_named_whole(pairs: Path) -> None:
    shutil.rmtree(pairs / "jewelry/ring/target")
    with pytest.raises(UserError, match=r"lacks target/img.jpg, target/mask0.png, target/objects.txt"):
        find_pairs(pairs)


def test_unknown_groups_and_empty_folders_are_refused(pairs: Path, tmp_path: Path) -> None:
    (pairs / "cars").mkdir()
    with pytest.raises(UserError, match="group 'cars'; the groups are buildings, furniture, jewelry, kitchenware"):
        find_pairs(pairs)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="has no pair"):
        find_pairs(tmp_path / "empty")
    with pytest.raises(UserError, match="no such folder"):
        find_pairs(tmp_path / "nowhere")


def test_a_source_has_one_concept(pairs: Path, tmp_path: Path) -> None:
    source = pairs / "jewelry/ring/source"
    shutil.copy(source / "mask0.png", source / "mask1.png")
    (source / "objects.txt").write_text("ring\nring")
    with pytest.raises(UserError, match="has 2 masks; a pair has one"):
        PairsBuilder(pairs, 20, PLAN).build(tmp_path / "out")


@pytest.fixture
def listed(pairs: Path) -> Path:
    """A CSV of three pairs: both, then the chair's ornament on the ring, under a name of its own."""
    file = pairs.parent / "thirty.csv"
    chair, ring = "mine/furniture/chair to table", "mine/jewelry/ring"
    file.write_text(
        "group,source,target,name\n"
        f"furniture,{chair}/source,{chair}/target,chair to table\n"
        f"jewelry,{ring}/source,{ring}/target,ring\n"
        f"jewelry,{chair}/source,{ring}/target,\n"
    )
    return file


def test_a_list_names_pairs_whose_folders_may_be_in_several(listed: Path, tmp_path: Path) -> None:
    PairsBuilder(listed, 20, PLAN).build(tmp_path / "out")
    scenes = load_dataset(tmp_path / "out").scenes
    assert [scene.name for scene in scenes] == ["furniture-chair-to-table", "jewelry-ring", "jewelry-source-to-target"]
    np.testing.assert_array_equal(scenes[0].picture, scenes[2].picture)
    folder = tmp_path / "out" / "scenes"
    assert (folder / "jewelry-source-to-target" / "prompt.txt").read_text() == "a photo of a ring with [v1] style\n"
    assert "thirty.csv" in (tmp_path / "out" / "manifest.json").read_text()


def test_a_listed_pair_is_the_one_of_the_folder(listed: Path, pairs: Path, tmp_path: Path) -> None:
    PairsBuilder(pairs, 20, PLAN).build(tmp_path / "one")
    PairsBuilder(listed, 20, PLAN).build(tmp_path / "other")
    for name in ("furniture-chair-to-table", "jewelry-ring"):
        for file in (tmp_path / "one" / "scenes" / name).iterdir():
            assert (tmp_path / "other" / "scenes" / name / file.name).read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("source,target\na,b\n", "has no column group"),
        ("group,source,target\n", "has no pair"),
        ("group,source,target\ntoys,a,b\n", "line 2 has the group 'toys'; the groups are buildings"),
        ("group,source,target\njewelry,a,b\n", "line 2 lacks source/img.jpg"),
        (
            "group,source,target\n"
            "jewelry,mine/jewelry/ring/source,mine/jewelry/ring/target\n"
            "jewelry,mine/jewelry/ring/source,mine/jewelry/ring/target\n",
            "line 3: another pair is called jewelry-source-to-target too",
        ),
    ],
)
def test_a_bad_list_is_one_line(listed: Path, text: str, told: str) -> None:
    listed.write_text(text)
    with pytest.raises(UserError, match=told) as caught:
        find_pairs(listed)
    assert "\n" not in str(caught.value)
