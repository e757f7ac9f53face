"""One's own pictures: every kind of mask, every mistake."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench.core.errors import UserError
from bench.core.hashing import scene_digest
from bench.core.scenes import BACKGROUND
from bench.data.builders.folder import FolderBuilder, read_folder_scene
from bench.data.builders.mask_file import read_mask
from bench.data.load import load_dataset
from bench.data.manifest import read_manifest
from bench.data.prompts import PromptPlan, parse_formats

PLAN = PromptPlan(parse_formats("2"), 1, "powerset", 0)


def recipe(folder: Path, *, background: bool = False, size: int = 32) -> FolderBuilder:
    return FolderBuilder(folder, size, background, PLAN, {"background": background})


def paint(path: Path, box: tuple[int, int, int, int], size: tuple[int, int] = (100, 60), mode: str = "L") -> Path:
    """A mask, white in the box."""
    image = Image.new("L", size)
    image.paste(255, box)
    image.convert(mode).save(path)
    return path


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A picture of 100 x 60 with two masks inside its centred square (20..80)."""
    folder = tmp_path / "my toys"
    folder.mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 100, 3), dtype=np.uint8)).save(folder / "img.jpg")
    paint(folder / "mask0.png", (20, 0, 50, 60))
    paint(folder / "mask1.png", (60, 0, 80, 30))
    return folder


def test_a_scene_is_cropped_and_resized_with_its_masks(scene: Path, tmp_path: Path) -> None:
    recipe(scene, size=60).build(tmp_path / "out")
    (built,) = load_dataset(tmp_path / "out").scenes
    with Image.open(scene / "img.jpg") as image:
        assert np.array_equal(built.picture, np.asarray(image)[:, 20:80])
    assert built.name == "my-toys"
    assert [concept.label for concept in built.concepts] == ["object", "object"]
    left, right = (concept.mask for concept in built.concepts)
    assert left[:, :30].all()
    assert left.sum() == 30 * 60
    assert right[:30, 40:].all()
    assert right.sum() == 20 * 30
    assert built.text_with_classes(built.prompts[2]) == "a photo of an object and an object at the beach"


def test_masks_are_resized_to_the_nearest_pixel(scene: Path, tmp_path: Path) -> None:
    recipe(scene, size=30).build(tmp_path / "out")
    (built,) = load_dataset(tmp_path / "out").scenes
    assert built.concepts[0].mask.sum() == 15 * 30


def test_labels_name_the_concepts(scene: Path, tmp_path: Path) -> None:
    (scene / "labels.txt").write_text("mug\n elephant \n\n")
    recipe(scene).build(tmp_path / "out")
    (built,) = load_dataset(tmp_path / "out").scenes
    assert [concept.label for concept in built.concepts] == ["mug", "elephant"]
    assert built.text_with_classes(built.prompts[2]) == "a photo of a mug and an elephant at the beach"


@pytest.mark.parametrize("place", [".", "my toys"])
def test_a_mask_that_is_a_link_goes_by_its_own_name(scene: Path, tmp_path: Path, place: str) -> None:
    """In the folder as out of it: so links that swap their files are noticed."""
    (scene / "mask1.png").rename(tmp_path / place / "elsewhere.png")
    (scene / "mask1.png").symlink_to(tmp_path / place / "elsewhere.png")
    recipe(scene).build(tmp_path / "out")
    assert list(read_manifest(tmp_path / "out" / "manifest.json").spec.sources) == ["img.jpg", "mask0.png", "mask1.png"]


def test_a_link_that_leads_nowhere_is_named(scene: Path, tmp_path: Path) -> None:
    (scene / "mask1.png").unlink()
    (scene / "mask1.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(UserError, match=r"cannot read .*mask1\.png"):
        recipe(scene).build(tmp_path / "out")


def test_a_link_to_itself_is_named(scene: Path, tmp_path: Path) -> None:
    (scene / "mask1.png").unlink()
    (scene / "mask1.png").symlink_to("mask1.png")
    with pytest.raises(UserError, match=r"cannot read .*mask1\.png: Too many levels of symbolic links"):
        recipe(scene).build(tmp_path / "out")


@pytest.mark.parametrize("text", ["mug", "a\nb\nc", ""])
def test_labels_must_be_as_many_as_masks(scene: Path, tmp_path: Path, text: str) -> None:
    (scene / "labels.txt").write_text(text)
    with pytest.raises(UserError, match=r"labels? for 2 masks; write one line for each mask"):
        recipe(scene, background=True).build(tmp_path / "out")


def test_labels_that_are_no_text(scene: Path, tmp_path: Path) -> None:
    (scene / "labels.txt").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(UserError, match=r"cannot read .*labels.txt as text"):
        recipe(scene).build(tmp_path / "out")


def test_the_background_is_what_no_mask_covers(scene: Path, tmp_path: Path) -> None:
    recipe(scene, background=True).build(tmp_path / "out")
    (built,) = load_dataset(tmp_path / "out").scenes
    first, second, background = built.concepts
    assert background.label == BACKGROUND
    assert background.handle == "[v3]"
    assert np.array_equal(background.mask, ~(first.mask | second.mask))
    assert len(built.prompts) == 2 * 3 + 1 + 3, "of the others in two formats; it alone, and it behind each subset"


def test_no_background_is_left(scene: Path, tmp_path: Path) -> None:
    paint(scene / "mask1.png", (0, 0, 100, 60))
    with pytest.raises(UserError, match="the masks cover the whole crop, so there is no background"):
        recipe(scene, background=True).build(tmp_path / "out")


@pytest.mark.parametrize("mode", ["L", "1", "RGB", "RGBA", "P", "LA", "CMYK"])
def test_every_kind_of_mask(tmp_path: Path, mode: str) -> None:
    suffix = ".tif" if mode == "CMYK" else ".png"
    mask = read_mask(paint(tmp_path / f"mask{suffix}", (20, 0, 50, 60), mode=mode))
    assert mask.shape == (60, 100)
    assert mask[:, 20:50].all()
    assert mask.sum() == 30 * 60


def test_sixteen_bits_and_palettes_of_any_order(tmp_path: Path) -> None:
    deep = np.zeros((4, 4), dtype=np.uint16)
    deep[:2] = 65535
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert read_mask(tmp_path / "deep.png").sum() == 8
    palette = Image.fromarray(np.array([[0, 1], [1, 1]], dtype=np.uint8), mode="P")
    palette.putpalette([255, 255, 255, 0, 0, 0])  # colour 0 is white
    palette.save(tmp_path / "palette.png")
    assert read_mask(tmp_path / "palette.png").tolist() == [[True, False], [False, False]]


def test_a_soft_mask_counts_from_one_half(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 127, 128, 255]], dtype=np.uint8)).save(tmp_path / "soft.png")
    assert read_mask(tmp_path / "soft.png").tolist() == [[False, False, True, True]]


def test_grey_edges_are_kept_beside_the_mask(scene: Path, tmp_path: Path) -> None:
    """As the official code reads them: channel 0, 0..255 (train.py:505-507); black and white masks have none."""
    before = np.zeros((60, 100), np.uint8)
    before[10:40, 30:60], before[10:40, 60], before[40, 30:60] = 255, 200, 90
    Image.fromarray(before).convert("RGBA").save(scene / "mask0.png")
    recipe(scene, size=60, background=True).build(tmp_path / "out")
    (built,) = load_dataset(tmp_path / "out").scenes
    first, second, background = built.concepts
    assert first.soft is not None
    assert np.array_equal(first.soft, before[:, 20:80])
    assert np.array_equal(first.mask, before[:, 20:80] >= 128)
    assert np.array_equal(first.soft_mask, (before[:, 20:80] / 255).astype(np.float32))
    assert second.soft is background.soft is None
    assert np.array_equal(second.soft_mask, second.mask.astype(np.float32))
    (read,) = read_manifest(tmp_path / "out" / "manifest.json").scenes
    assert [edge is None for edge in read.edges] == [False, True, True]
    assert np.array_equal(read_folder_scene(scene, 60).concepts[0].soft, first.soft)


def test_edges_of_several_pictures_stay_with_their_masks(scene: Path, tmp_path: Path) -> None:
    both = tmp_path / "sets" / "both"
    for name in ("a", "b"):
        shutil.copytree(scene, both / name)
    soft = np.asarray(Image.open(scene / "mask1.png")) // 2 + 40
    Image.fromarray(soft).save(both / "b" / "mask1.png")
    recipe(tmp_path / "sets", size=60).build(tmp_path / "out")
    (built,) = load_dataset(tmp_path / "out").scenes
    assert [concept.soft is None for concept in built.concepts] == [True, True, True, False]
    assert np.array_equal(built.concepts[3].soft, soft[:, 20:80])


def rgba(channels: tuple[int, int, int, int]) -> Image.Image:
    image = Image.new("RGBA", (10, 10))
    image.paste(channels, (2, 2, 8, 8))
    return image


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (Image.new("L", (10, 10)), "the mask is empty: all of it is black"),
        (Image.new("L", (10, 10), 1), "its brightest pixel is 1 of 255; save it with 255 inside"),
        (rgba((0, 0, 0, 255)), "it seems to lie in the alpha channel"),
        (Image.new("RGB", (10, 10), (0, 255, 0)), "its red channel, which counts, is black"),
    ],
)
def test_an_empty_mask_says_what_may_have_gone_wrong(
    scene: Path, tmp_path: Path, image: Image.Image, said: str
) -> None:
    image.save(scene / "mask1.png")
    with pytest.raises(UserError, match=said) as caught:
        recipe(scene).build(tmp_path / "out")
    assert str(scene / "mask1.png") in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_mask_of_another_size(scene: Path, tmp_path: Path) -> None:
    paint(scene / "mask1.png", (0, 0, 9, 9), size=(60, 100))
    with pytest.raises(UserError, match=r"mask1.png is 60 x 100 pixels, its picture is 100 x 60"):
        recipe(scene).build(tmp_path / "out")


def test_a_mask_outside_the_crop(scene: Path, tmp_path: Path) -> None:
    paint(scene / "mask1.png", (0, 0, 20, 60))
    with pytest.raises(UserError, match=r"mask1.png: nothing of the mask is left in the centred square"):
        recipe(scene).build(tmp_path / "out")


def test_a_mask_that_is_left_out(scene: Path, tmp_path: Path) -> None:
    (scene / "mask1.png").rename(scene / "mask3.png")
    with pytest.raises(UserError, match=r"has no mask1.png, but has mask3.png"):
        recipe(scene).build(tmp_path / "out")
    for file in scene.glob("mask*"):
        file.unlink()
    with pytest.raises(UserError, match=r"has no mask0.png"):
        recipe(scene).build(tmp_path / "out")


def test_more_masks_than_a_powerset_can_bear(scene: Path, tmp_path: Path) -> None:
    for number in range(9):
        paint(scene / f"mask{number}.png", (20, 0, 50, 60))
    with pytest.raises(UserError, match="has 9 masks; at most 8"):
        recipe(scene).build(tmp_path / "out")


@pytest.mark.parametrize("name", ["img.jpg", "mask0.png"])
def test_truncated_files(scene: Path, tmp_path: Path, name: str) -> None:
    (scene / name).write_bytes((scene / name).read_bytes()[:60])
    with pytest.raises(UserError, match=f"{name}: it is missing, truncated or not a picture"):
        recipe(scene).build(tmp_path / "out")


def test_two_pictures(scene: Path, tmp_path: Path) -> None:
    (scene / "img.png").write_bytes((scene / "img.jpg").read_bytes())
    with pytest.raises(UserError, match=r"exactly one of img.jpg, img.jpeg, img.png; it has 2"):
        recipe(scene).build(tmp_path / "out")


def test_no_picture_and_no_folder(scene: Path, tmp_path: Path) -> None:
    (scene / "img.jpg").unlink()
    for folder in (scene, tmp_path):
        with pytest.raises(UserError, match=r"has no scene: a scene is a folder with img.jpg"):
            recipe(folder).build(tmp_path / "out")
    with pytest.raises(UserError, match="there is no such folder"):
        recipe(tmp_path / "none").build(tmp_path / "out")


def test_a_folder_of_scenes(scene: Path, tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    (tmp_path / "many" / "notes").mkdir()
    scene.rename(tmp_path / "many" / "b")
    Image.new("RGB", (40, 40), (9, 9, 9)).save(_folder(tmp_path / "many" / "a") / "img.png")
    paint(tmp_path / "many" / "a" / "mask0.png", (0, 0, 20, 20), size=(40, 40), mode="RGBA")
    recipe(tmp_path / "many").build(tmp_path / "out")
    dataset = load_dataset(tmp_path / "out")
    assert dataset.name == "many"
    assert [(scene.name, len(scene.concepts)) for scene in dataset.scenes] == [("a", 1), ("b", 2)]


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_a_camera_s_note_of_rotation_is_obeyed(scene: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the upper edge is on the right: to be turned by 90 degrees
    with Image.open(scene / "img.jpg") as image:
        image.transpose(Image.Transpose.ROTATE_90).save(scene / "img.jpg", exif=exif)
    recipe(scene).build(tmp_path / "out")
    assert read_manifest(tmp_path / "out" / "manifest.json").scenes[0].source_size == (100, 60)


def test_changed_pictures_are_another_dataset(scene: Path, tmp_path: Path, capsys: Any) -> None:
    recipe(scene).build(tmp_path / "out")
    recipe(scene).build(tmp_path / "out")
    assert "already built" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"holds another dataset: background False \(now True\)"):
        recipe(scene, background=True).build(tmp_path / "out")
    paint(scene / "mask1.png", (50, 0, 80, 30))
    with pytest.raises(UserError, match=r"holds another dataset: source mask1.png"):
        recipe(scene).build(tmp_path / "out")


def test_an_official_scene(fixtures: Path, tmp_path: Path) -> None:
    recipe(fixtures / "break-a-scene", size=512).build(tmp_path / "out")
    (bear,) = load_dataset(tmp_path / "out").scenes
    assert (bear.name, len(bear.concepts)) == ("bear", 3)
    with Image.open(fixtures / "break-a-scene" / "bear" / "img.jpg") as image:
        assert np.array_equal(bear.picture, np.asarray(image))
    for number, concept in enumerate(bear.concepts):
        with Image.open(fixtures / "break-a-scene" / "bear" / f"mask{number}.png") as image:
            assert np.array_equal(concept.mask, np.asarray(image)[:, :, 0] >= 128)


def test_all_official_scenes(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    recipe(shared_data("break-a-scene"), size=64).build(tmp_path / "out")
    masks = {scene.name: len(scene.concepts) for scene in load_dataset(tmp_path / "out").scenes}
    assert masks == {"bear": 3, "chicken": 3, "creature": 3, "rabbit": 2, "sheep": 4}


def test_objects_say_what_the_concepts_are_parts_of(scene: Path, tmp_path: Path) -> None:
    (scene / "labels.txt").write_text("ornament\nhandle")
    (scene / "objects.txt").write_text("chair\nmug\n")
    recipe(scene).build(tmp_path / "out")
    (built,) = load_dataset(tmp_path / "out").scenes
    assert [(one.label, one.object) for one in built.concepts] == [("ornament", "chair"), ("handle", "mug")]
    alone = read_folder_scene(scene, 32)
    assert [(one.label, one.object, one.handle) for one in alone.concepts] == [
        ("ornament", "chair", "[v1]"),
        ("handle", "mug", "[v2]"),
    ]
    assert np.array_equal(alone.picture, built.picture)
    assert scene_digest(alone) == scene_digest(built)


def test_without_objects_the_manifest_stays_as_it_was(scene: Path, tmp_path: Path) -> None:
    (scene / "labels.txt").write_text("mug\nelephant")
    recipe(scene).build(tmp_path / "out")
    (built,) = load_dataset(tmp_path / "out").scenes
    assert [one.object for one in built.concepts] == ["mug", "elephant"]
    assert '"objects"' not in (tmp_path / "out" / "manifest.json").read_text()


def test_objects_must_be_as_many_as_masks(scene: Path, tmp_path: Path) -> None:
    (scene / "objects.txt").write_text("chair")
    with pytest.raises(UserError, match=r"objects.txt has 1 object for 2 masks"):
        recipe(scene).build(tmp_path / "out")


def test_one_scene_is_read_from_one_folder(scene: Path) -> None:
    with pytest.raises(UserError, match=r"holds several scenes \(my toys\); name one of them"):
        read_folder_scene(scene.parent, 32)
