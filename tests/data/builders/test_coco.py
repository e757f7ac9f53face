"""Building from COCO: what is written, what is said, and what is refused."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as pycoco
from pycocotools.coco import COCO

from bench.core.errors import UserError
from bench.data.builders.coco import CocoBuilder
from bench.data.load import load_dataset
from bench.data.manifest import read_manifest

Recipe = Callable[..., CocoBuilder]


def annotations(coco: Path) -> Path:
    (file,) = (coco / "annotations").iterdir()
    return file


def change(coco: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(annotations(coco).read_bytes())
    edit(content)
    annotations(coco).write_text(json.dumps(content))


def files(folder: Path) -> dict[str, str]:
    found = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in found}


def test_a_built_folder_has_pictures_masks_manifest_and_sheet(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    recipe(toys).build(tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    names = [scene["name"] for scene in manifest["scenes"]]
    expected = {"manifest.json", "sheet.png"}
    expected |= {f"scenes/{name}/{file}.png" for name in names for file in ("img", "mask0", "mask1")}
    assert set(files(tmp_path / "out")) == expected
    assert not list(tmp_path.glob(".out*"))


def test_pictures_are_resized_crops_and_masks_are_the_manifest_s(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    recipe(toys, crop="best").build(tmp_path / "out")
    coco = COCO(str(annotations(toys)))
    for record in json.loads((tmp_path / "out" / "manifest.json").read_bytes())["scenes"]:
        folder = tmp_path / "out" / "scenes" / record["name"]
        source = Image.open(toys / record["split"] / record["file_name"]).crop(record["crop"])
        picture = np.asarray(source.resize((32, 32), Image.Resampling.LANCZOS))
        assert np.array_equal(np.asarray(Image.open(folder / "img.png")), picture)
        for k, number in enumerate(record["annotation_ids"]):
            whole = coco.annToMask(coco.anns[number])
            expected = Image.fromarray(whole * 255).crop(record["crop"]).resize((32, 32), Image.Resampling.NEAREST)
            assert np.array_equal(np.asarray(Image.open(folder / f"mask{k}.png")), np.asarray(expected))
            assert np.array_equal(pycoco.decode(record["masks"][k]) * 255, np.asarray(expected))
            assert coco.cats[coco.anns[number]["category_id"]]["name"] == record["classes"][k]


def test_three_real_scenes_worked_out_by_hand(coco_sample: Path, tmp_path: Path, recipe: Recipe) -> None:
    recipe(coco_sample, scenes=50, mix="30,15,5", manifest_only=True, size=512).build(tmp_path / "out")
    scenes = {s["image_id"]: s for s in json.loads((tmp_path / "out" / "manifest.json").read_bytes())["scenes"]}
    assert len(scenes) == 10
    by_hand = {
        213003: ([79, 0, 561, 482], [1102209, 440511], ["laptop", "person"], [640, 482]),
        536038: ([0, 141, 358, 499], [315610, 2161544, 1650485], ["bed", "person", "book"], [358, 640]),
        25560: ([80, 0, 560, 480], [29572, 48152], ["tv", "cat"], [640, 480]),
    }
    for image, facts in by_hand.items():
        scene = scenes[image]
        assert (scene["crop"], scene["annotation_ids"], scene["classes"], scene["source_size"]) == facts
        assert scene["name"] == f"sample-{image:012d}"
        assert scene["file_name"] == f"{image:012d}.jpg"
        assert scene["split"] == "sample"
        assert all(mask["size"] == [512, 512] for mask in scene["masks"])
    assert scenes[25560]["licence"]["url"] == "http://creativecommons.org/licenses/by-nc-nd/2.0/"
    # Coverage hardly changes when the crop is resized.
    book = pycoco.area(scenes[536038]["masks"][2]) / 512**2
    assert book == pytest.approx(0.15065853, abs=2e-3)


def test_pictures_of_real_records_come_out_as_scenes(coco_sample: Path, tmp_path: Path, recipe: Recipe) -> None:
    recipe(coco_sample, scenes=3, only_present=True, size=128).build(tmp_path / "out")
    dataset = load_dataset(tmp_path / "out")
    assert len(dataset.scenes) == 3
    for scene in dataset.scenes:
        assert scene.picture.shape == (128, 128, 3)
        assert all(concept.mask.shape == (128, 128) for concept in scene.concepts)
        assert len(scene.prompts) == 2 * (2 ** len(scene.concepts) - 1)


def test_the_same_request_gives_the_same_bytes(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    recipe(toys).build(tmp_path / "a")
    recipe(toys).build(tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_the_order_of_the_annotation_file_changes_no_scene(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    recipe(toys).build(tmp_path / "a")

    def shuffle(content: dict[str, Any]) -> None:
        for key in ("images", "annotations", "categories"):
            np.random.default_rng(5).shuffle(content[key])

    change(toys, shuffle)
    recipe(toys).build(tmp_path / "b")
    assert (
        read_manifest(tmp_path / "a" / "manifest.json").scenes == read_manifest(tmp_path / "b" / "manifest.json").scenes
    )
    assert files(tmp_path / "a" / "scenes") == files(tmp_path / "b" / "scenes")


def test_no_json_names_an_image_that_was_not_selected(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    recipe(toys).build(tmp_path / "out")
    content = json.loads(annotations(toys).read_bytes())
    (written,) = (tmp_path / "out").rglob("*.json")
    text = written.read_text()
    chosen = {scene["file_name"] for scene in json.loads(text)["scenes"]}
    others = {image["file_name"] for image in content["images"]} - chosen
    assert len(chosen) == 4
    assert others
    assert not [name for name in others if name in text or name.removesuffix(".png") in text]


def test_another_seed_selects_other_scenes(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    recipe(toys).build(tmp_path / "a")
    recipe(toys, seed=1).build(tmp_path / "b")
    first, second = (load_dataset(tmp_path / name) for name in "ab")
    assert {s.name for s in first.scenes} != {s.name for s in second.scenes}


def test_what_was_built_is_not_built_again(toys: Path, tmp_path: Path, recipe: Recipe, capsys: Any) -> None:
    recipe(toys).build(tmp_path / "out")
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").rglob("*")}
    recipe(toys).build(tmp_path / "out")
    assert "already built" in capsys.readouterr().out
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "out").rglob("*")} == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": 1}, r"seed 0 \(now 1\)"),
        ({"size": 48}, r"size 32 \(now 48\)"),
        ({"samples": 3}, r"samples 1 \(now 3\)"),
    ],
)
def test_an_output_with_other_options_is_left_alone(
    toys: Path, tmp_path: Path, recipe: Recipe, changes: dict[str, Any], said: str
) -> None:
    recipe(toys).build(tmp_path / "out")
    before = files(tmp_path / "out")
    with pytest.raises(UserError, match=f"holds another dataset: {said}"):
        recipe(toys, **changes).build(tmp_path / "out")
    assert files(tmp_path / "out") == before


def test_an_output_from_another_annotation_file_is_left_alone(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    recipe(toys).build(tmp_path / "out")
    change(toys, lambda content: content["images"].pop())
    change(
        toys,
        lambda content: content.update(annotations=[a for a in content["annotations"] if a["image_id"] != 40]),
    )
    with pytest.raises(UserError, match=r"another dataset: source instances_playroom.json \w{12} \(now \w{12}\)"):
        recipe(toys).build(tmp_path / "out")


def test_the_background_is_a_concept_if_it_has_a_word(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    recipe(toys, background="place").build(tmp_path / "out")
    recipe(toys).build(tmp_path / "plain")
    for scene, plain in zip(
        load_dataset(tmp_path / "out").scenes, load_dataset(tmp_path / "plain").scenes, strict=True
    ):
        *others, background = scene.concepts
        assert [one.label for one in others] == [one.label for one in plain.concepts]
        assert (background.label, background.word) == ("background", "place")
        np.testing.assert_array_equal(background.mask, ~np.any([one.mask for one in others], axis=0))
        assert scene.prompts[: len(plain.prompts)] == plain.prompts
        assert scene.text_with_classes(scene.prompts[-1]).endswith(" at the place")


def test_a_folder_with_something_else_is_left_alone(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match="does not hold a dataset; choose another --out"):
        recipe(toys).build(tmp_path / "out")
    with pytest.raises(UserError, match="does not hold a dataset"):
        recipe(toys).build(tmp_path / "out" / "thesis.tex")
    assert set(files(tmp_path / "out")) == {"thesis.tex"}


def test_the_remark_on_the_mix_and_on_the_number_of_prompts(
    toys: Path, tmp_path: Path, recipe: Recipe, capsys: Any
) -> None:
    recipe(toys, scenes=50, mix="0,0,1", papers_prompts=5400).build(tmp_path / "out")
    said = capsys.readouterr().out
    manifest = read_manifest(tmp_path / "out" / "manifest.json")
    assert "the mix needs 0, 0, 50 scenes with 2, 3, 4 concepts, the pool has" in said
    assert f"took the first {len(manifest.scenes)} in hash order" in said
    assert f"{manifest.prompts:,} prompts per method: this is not the paper's 5,400" in said
    assert "covers at least 15 % of the square crop" in said


def test_strict_refuses_a_pool_without_the_mix(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    with pytest.raises(UserError, match="the mix needs 0, 0, 50 scenes") as caught:
        recipe(toys, scenes=50, mix="0,0,1", strict=True).build(tmp_path / "out")
    assert caught.value.code == 2
    assert not (tmp_path / "out").exists()
    recipe(toys, strict=True).build(tmp_path / "out")


@pytest.mark.parametrize("background", ["", "place"])
def test_strict_is_checked_on_a_dataset_that_is_there(
    toys: Path, tmp_path: Path, recipe: Recipe, background: str, capsys: Any
) -> None:
    recipe(toys, mix="0,0,1", scenes=50, background=background).build(tmp_path / "lacks")
    with pytest.raises(UserError, match=r"lacks: the mix needs 0, 0, 50 scenes .*, the dataset has .*--strict"):
        recipe(toys, mix="0,0,1", scenes=50, background=background, strict=True).build(tmp_path / "lacks")
    recipe(toys, background=background).build(tmp_path / "has")
    capsys.readouterr()
    recipe(toys, background=background, strict=True).build(tmp_path / "has")
    assert "already built" in capsys.readouterr().out


def test_an_empty_pool_is_an_error(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    change(toys, lambda content: content.update(annotations=[]))
    with pytest.raises(UserError, match=r"no image of .* passes the rules"):
        recipe(toys).build(tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scenes": 0}, "at least 1"),
        ({"samples": 0}, "at least 1"),
        ({"mix": "1"}, "--mix"),
        ({"formats": "99"}, "--formats"),
        ({"crop": "left"}, "--crop"),
        ({"prompts": "all"}, "--prompts"),
        ({"size": 3}, "at least 16"),
    ],
)
def test_options_that_make_no_dataset(
    toys: Path, tmp_path: Path, recipe: Recipe, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        recipe(toys, **changes).build(tmp_path / "out")


def no_trace(tmp_path: Path) -> bool:
    return {path.name for path in tmp_path.iterdir()} <= {"toys"}


def first_picture(toys: Path, tmp_path: Path, recipe: Recipe) -> Path:
    """The file of the scene that is chosen last."""
    recipe(toys, manifest_only=True).build(tmp_path / "plan")
    scene = read_manifest(tmp_path / "plan" / "manifest.json").scenes[-1]
    (tmp_path / "plan" / "manifest.json").unlink()
    (tmp_path / "plan").rmdir()
    return toys / scene.split / scene.file_name


def test_a_missing_picture_leaves_nothing_behind(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    file = first_picture(toys, tmp_path, recipe)
    file.unlink()
    with pytest.raises(UserError, match=f"1 of 4 pictures missing: {file.name}; looked in .*--only-present"):
        recipe(toys).build(tmp_path / "out")
    assert no_trace(tmp_path)


def test_only_present_passes_over_missing_pictures(toys: Path, tmp_path: Path, recipe: Recipe, capsys: Any) -> None:
    file = first_picture(toys, tmp_path, recipe)
    file.unlink()
    recipe(toys, only_present=True).build(tmp_path / "out")
    assert "its picture is there" in capsys.readouterr().out
    scenes = read_manifest(tmp_path / "out" / "manifest.json").scenes
    assert len(scenes) == 4
    assert file.name not in [scene.file_name for scene in scenes]


def test_a_truncated_picture_leaves_nothing_behind(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    file = first_picture(toys, tmp_path, recipe)
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(UserError, match=f"{file.name}: it is missing, truncated"):
        recipe(toys).build(tmp_path / "out")
    assert no_trace(tmp_path)


def test_a_picture_of_another_size_leaves_nothing_behind(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    file = first_picture(toys, tmp_path, recipe)
    Image.new("RGB", (50, 60)).save(file)
    with pytest.raises(UserError, match="is 50 x 60 pixels, its annotations are for 96 x 96"):
        recipe(toys).build(tmp_path / "out")
    assert no_trace(tmp_path)


def test_manifest_only_needs_no_pictures(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    recipe(toys).build(tmp_path / "full")
    for file in (toys / "playroom").iterdir():
        file.unlink()
    recipe(toys, manifest_only=True).build(tmp_path / "out")
    assert set(files(tmp_path / "out")) == {"manifest.json"}
    planned = read_manifest(tmp_path / "out" / "manifest.json")
    assert not planned.has_pictures
    full = read_manifest(tmp_path / "full" / "manifest.json")
    assert [scene.masks for scene in planned.scenes] == [scene.masks for scene in full.scenes]
    with pytest.raises(UserError, match=r"has a manifest only; make the pictures: .* --from-manifest"):
        recipe(toys).build(tmp_path / "out")


def two_files(toys: Path, edit: Callable[[dict[str, Any]], None] = lambda _: None) -> None:
    """Give the folder a second annotation file, `other`, of the same pictures."""
    first = annotations(toys)
    content = json.loads(first.read_bytes())
    edit(content)
    first.with_name("instances_other.json").write_text(json.dumps(content))
    (toys / "playroom").rename(toys / "images")


def test_a_photo_in_two_annotation_files_is_one_scene(toys: Path, tmp_path: Path, recipe: Recipe, capsys: Any) -> None:
    """COCO's splits of 2014 and of 2017 are of the same photos, with the same ids."""
    two_files(toys)
    recipe(toys, scenes=30).build(tmp_path / "out")
    scenes = read_manifest(tmp_path / "out" / "manifest.json").scenes
    assert len({scene.image_id for scene in scenes}) == len(scenes)
    assert {scene.split for scene in scenes} == {"other"}, "the first file's"
    assert "photos that an earlier annotation file has too" in capsys.readouterr().out
    recipe(toys, split="playroom", scenes=30).build(tmp_path / "one")
    assert len(read_manifest(tmp_path / "one" / "manifest.json").scenes) == len(scenes)
    assert "left out" not in capsys.readouterr().out


def test_the_same_ids_of_other_photos_are_other_scenes(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    def mirror(content: dict[str, Any]) -> None:
        for annotation in content["annotations"]:
            flipped = pycoco.decode(annotation["segmentation"])[:, ::-1]
            annotation["segmentation"]["counts"] = pycoco.encode(np.asfortranarray(flipped))["counts"].decode()

    two_files(toys, mirror)
    recipe(toys, scenes=30).build(tmp_path / "out")
    scenes = read_manifest(tmp_path / "out" / "manifest.json").scenes
    assert {scene.split for scene in scenes} == {"playroom", "other"}
    assert len({scene.image_id for scene in scenes}) < len(scenes)
