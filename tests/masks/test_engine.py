"""What `bench masks` writes: Playroom's toys found in a drawn scene, and hand-made segmentations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.core.errors import UserError
from bench.core.masks import mask_iou
from bench.core.scenes import ImageArray, Scene
from bench.data.builders.folder import mask_files, read_labels
from bench.data.builders.mask_file import read_mask
from bench.masks.engine import make_masks
from bench.masks.options import Marks, MaskOptions
from bench.masks.words import PanopticWords, YoloWords, known_class
from bench.playroom.world.ground_truth import as_benchmark_scene
from bench.playroom.world.scene import sample_scene
from bench.scoring.models.segmenter import Segmentation, find_class
from bench.scoring.presets import find_preset

LEAST_IOU = 0.8
"""Of a scene's toys with the truth, each."""
WORDS = {0: "cat", 1: "potted plant", 2: "wall-other-merged"}


class DrawnSegments:
    """In the place of the metrics' segmenters: says what a test wants."""

    ids = np.array([[1, 1, 2, 3], [1, 1, 2, 0]], np.int32)

    def class_index(self, word: str) -> int | None:
        return find_class(word, WORDS)

    def segment(self, pictures: Sequence[ImageArray]) -> list[Segmentation]:
        return [Segmentation(self.ids, {1: 0, 2: 1, 3: 0}, scores={1: 0.6, 2: 0.9, 3: 0.95}) for _ in pictures]

    def instances(self, picture: ImageArray) -> tuple[np.ndarray, np.ndarray]:
        boxes = np.array([[0, 0, 2, 2, 0.9, 0], [0, 0, 3, 2, 0.7, 1]])
        masks = np.zeros((2, 2, 4), bool)
        masks[0, :, :2], masks[1, :, :3] = True, True
        return boxes, masks


@pytest.fixture
def toys(tmp_path: Path) -> tuple[Path, Scene]:
    """A folder with nothing but the picture of two toys, and the scene as it was drawn."""
    world = sample_scene(np.random.default_rng(3), count=2)
    scene = as_benchmark_scene("toys", world, 256)
    Image.fromarray(scene.picture).save(tmp_path / "img.png")
    return tmp_path, scene


def test_a_panoptic_segmenters_words_are_its_segments() -> None:
    found = PanopticWords(DrawnSegments(), find_preset("playroom")).find(np.zeros((2, 4, 3), np.uint8), ["cat", "wall"])
    assert [(one.area, one.score) for one in found["cat"]] == [(4, 0.6), (1, 0.95)]
    assert found["wall"] == []


def test_yolos_instances_keep_what_they_share() -> None:
    found = YoloWords(DrawnSegments(), find_preset("playroom-yolo")).find(
        np.zeros((2, 4, 3), np.uint8), ["cat", "potted plant"]
    )
    assert [(one.area, one.score) for one in found["cat"]] == [(4, 0.9)]
    assert [(one.area, one.score) for one in found["potted plant"]] == [(6, 0.7)]


def test_an_unknown_word_names_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"does not know 'umbrela'; did you mean umbrella\?.*Known: .*umbrella"):
        known_class(DrawnSegments(), "umbrela", find_preset("playroom"))


def test_playrooms_toys_are_found_where_they_were_drawn(toys: tuple[Path, Scene]) -> None:
    folder, scene = toys
    labels = [concept.label for concept in scene.concepts]
    written = make_masks(folder, MaskOptions("playroom", tuple(labels), device="cpu"))
    names = ["masks-sheet.png", "masks.json", "labels.txt", "mask0.png", "mask1.png"]
    assert [file.name for file in written] == names
    masks = [read_mask(file) for file in mask_files(folder)]
    assert read_labels(folder, 2) == labels
    for concept, mask in zip(scene.concepts, masks, strict=True):
        assert mask_iou(concept.mask, mask) > LEAST_IOU, concept.label
    assert not (masks[0] & masks[1]).any()


def test_the_record_says_what_made_the_masks(toys: tuple[Path, Scene]) -> None:
    folder, scene = toys
    (folder / "labels.txt").write_text("\n".join(concept.label for concept in scene.concepts), encoding="utf-8")
    make_masks(folder, MaskOptions("playroom", device="cpu"))
    record = json.loads((folder / "masks.json").read_bytes())
    assert record["schema"] == 1
    assert record["model"] == "playroom"
    assert record["checkpoints"]["segmenter"]["checkpoint"] == "checkpoints/maskformer"
    assert record["checkpoints"]["segmenter"]["content"].startswith("sha256:")
    assert record["threshold"] == find_preset("playroom").score_threshold
    assert [one["label"] for one in record["masks"]] == [concept.label for concept in scene.concepts]
    for index, one in enumerate(record["masks"]):
        assert 0.5 <= one["score"] <= 1
        assert one["pixels"] == read_mask(folder / f"mask{index}.png").sum()
    with Image.open(folder / "masks-sheet.png") as sheet:
        assert sheet.width > 2 * 256


def test_a_word_that_is_not_there_writes_nothing(toys: tuple[Path, Scene]) -> None:
    folder, scene = toys
    label = scene.concepts[0].label
    options = MaskOptions("playroom", (label,) * 2, device="cpu")
    with pytest.raises(UserError, match=rf"not found with a score of at least 0.5: {label} \(found: {label} 0\.\d\d\)"):
        make_masks(folder, options)
    assert [file.name for file in folder.iterdir()] == ["img.png"]


@pytest.mark.parametrize("name", ["mask0.png", "MASK7.PNG", "masks.json", "masks-sheet.png"])
def test_nothing_is_overwritten(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"precious")
    with pytest.raises(UserError, match=f"has {name} already, and nothing is overwritten"):
        make_masks(folder, MaskOptions("playroom", ("ball",), device="cpu"))
    assert (folder / name).read_bytes() == b"precious"
    assert len(list(folder.iterdir())) == 2


def test_points_need_no_words(folder: Path, tiny: Path) -> None:
    marks = Marks(points=(((10.0, 20.0),),))
    options = MaskOptions("sam", marks=marks, checkpoint=str(tiny / "sam2"), device="cpu")
    written = make_masks(folder, options)
    assert [file.name for file in written] == ["masks-sheet.png", "masks.json", "mask0.png"]
    record = json.loads((folder / "masks.json").read_bytes())
    assert record["points"] == [[[10.0, 20.0]]]
    assert record["masks"][0]["label"] == "object"
    assert read_mask(folder / "mask0.png").shape == (48, 64)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (MaskOptions("playroom"), "name the concepts: --labels"),
        (MaskOptions("playroom", ("ball",), Marks(boxes=((0, 0, 5, 5),))), "with --points or --boxes take --model sam"),
        (MaskOptions("sam", ("ball",)), "sam is told where the concepts are"),
        (MaskOptions("sam", ("a", "b"), Marks(boxes=((0, 0, 5, 5),))), "1 points or boxes for 2 labels"),
        (MaskOptions("sam", (), Marks(boxes=((0, 0, 5, 500),))), "not in the picture of 64 x 48"),
        (MaskOptions("playroom", ("submarine",)), "does not know 'submarine'"),
        (MaskOptions("playrom", ("ball",)), "--model playrom is not known; did you mean"),
    ],
)
def test_bad_requests_are_one_line(folder: Path, options: MaskOptions, told: str) -> None:
    with pytest.raises(UserError, match=told):
        make_masks(folder, options)
    assert [file.name for file in folder.iterdir()] == ["img.png"]


def test_a_folder_without_a_picture_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must have exactly one of img.jpg, img.jpeg, img.png; it has 0"):
        make_masks(tmp_path, MaskOptions("playroom", ("ball",), device="cpu"))
