"""The whole filter: against scenes worked out by hand, against a plain loop, and rule by rule."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from pycocotools.coco import COCO

from bench.core.errors import UserError
from bench.data.coco import masks
from bench.data.coco.funnel import BATCH, Candidate, candidates
from bench.data.coco.index import load_index
from bench.data.coco.rules import SelectionCriteria

Make = Callable[..., Any]

# Image, crop, then annotation, class and pixels in the crop, largest first: worked out apart from the
# package, with COCO's own API, one bitmap at a time.
BY_HAND = [
    (213003, (79, 0, 561, 482), [(1102209, "laptop", 51999), (440511, "person", 35657)]),
    (
        536038,
        (0, 141, 358, 499),
        [(315610, "bed", 119525), (2161544, "person", 49639), (1650485, "book", 19309)],
    ),
    (25560, (80, 0, 560, 480), [(29572, "tv", 84676), (48152, "cat", 34943)]),
]
BORDERLINE = (529, 3156, 25560, 199681, 213003, 417802, 491497, 536038)


def quiet(_: int) -> None:
    """No progress."""


@pytest.fixture(scope="module")
def real_pool(records: Path) -> dict[int, Candidate]:
    """The candidates among the fixtures' records by image."""
    return pool_of(records)


def pool_of(file: Path) -> dict[int, Candidate]:
    return {candidate.photo.id: candidate for candidate in candidates([load_index(file)], "center", quiet)[0]}


@pytest.mark.parametrize(("image", "crop", "concepts"), BY_HAND)
def test_three_scenes_worked_out_by_hand(
    real_pool: dict[int, Candidate], image: int, crop: tuple[int, ...], concepts: list[tuple[int, str, int]]
) -> None:
    found = real_pool[image]
    assert found.square.box == crop
    assert [(one.annotation.id, one.label, one.pixels) for one in found.concepts] == concepts


@pytest.mark.parametrize(("image", "crop", "concepts"), BY_HAND)
def test_their_masks_are_pillow_s_polygons_but_for_the_outline(
    records: Path,
    real_pool: dict[int, Candidate],
    image: int,
    crop: tuple[int, ...],
    concepts: list[tuple[int, str, int]],
) -> None:
    content = json.loads(records.read_bytes())
    outlines = {a["id"]: a["segmentation"] for a in content["annotations"] if a["image_id"] == image}
    for concept in real_pool[image].concepts:
        mask = masks.decode(concept.rle)
        drawn = Image.new("1", (mask.shape[1], mask.shape[0]))
        for outline in outlines[concept.annotation.id]:
            ImageDraw.Draw(drawn).polygon(outline, fill=1)
        different = mask ^ np.asarray(drawn)
        length = sum(
            np.abs(np.diff(np.array(o + o[:2]).reshape(-1, 2), axis=0)).sum() for o in outlines[concept.annotation.id]
        )
        assert different.sum() <= 1.5 * length


@pytest.mark.parametrize("image", BORDERLINE)
def test_borderline_coverages_pass(real_pool: dict[int, Candidate], image: int) -> None:
    smallest = real_pool[image].concepts[-1]
    assert 0.15 <= smallest.pixels / real_pool[image].square.side ** 2 <= 0.155


def test_the_pool_is_that_of_a_plain_loop_with_coco_s_own_api(real_records: Path) -> None:
    coco = COCO(str(real_records))
    dropped = {"orange", "banana", "broccoli", "carrot", "zebra", "giraffe"}
    expected: dict[int, dict[str, int]] = {}
    for image in coco.imgs.values():
        side = min(image["width"], image["height"])
        left, top = (image["width"] - side) // 2, (image["height"] - side) // 2
        largest: dict[str, int] = {}
        for annotation in coco.imgToAnns[image["id"]]:
            label = coco.cats[annotation["category_id"]]["name"]
            inside = int(coco.annToMask(annotation)[top : top + side, left : left + side].sum(dtype=int))
            if not annotation["iscrowd"] and label not in dropped and 100 * inside >= 15 * side * side:
                largest[label] = max(inside, largest.get(label, 0))
        if len(largest) >= 2:
            expected[image["id"]] = largest
    found = pool_of(real_records)
    assert {k: {c.label: c.pixels for c in one.concepts} for k, one in found.items()} == expected
    assert len(expected) == {22: 10, 611: 50}[len(coco.imgs)]


def test_the_order_of_the_file_changes_nothing(records: Path, tmp_path: Path, real_pool: dict[int, Candidate]) -> None:
    content = json.loads(records.read_bytes())
    for key in ("images", "annotations", "categories"):
        np.random.default_rng(0).shuffle(content[key])
    shuffled = tmp_path / "instances_sample.json"
    shuffled.write_text(json.dumps(content))
    pool, _ = candidates([load_index(shuffled)], "center", quiet)
    ids = {c.photo.id: [one.annotation.id for one in c.concepts] for c in pool}
    assert ids == {k: [one.annotation.id for one in c.concepts] for k, c in real_pool.items()}


def test_bbox_and_area_of_the_file_are_not_believed(write: Make, rectangle: Make) -> None:
    # Picture 100 x 60, crop 20..80: cat 20 x 60 and dog 10 x 60 are 33 % and 17 % of it.
    honest = [rectangle(1, (20, 0, 40, 60)), rectangle(2, (60, 0, 70, 60), category=2)]
    lying = [{**one, "area": 0, "bbox": [0, 0, 0, 0]} for one in honest]
    (found,), _ = candidates([load_index(write(annotations=lying))], "center", quiet)
    assert [one.pixels for one in found.concepts] == [1200, 600]
    tiny = [{**rectangle(k, (20, 0, 24, 60), category=k), "area": 6000, "bbox": [0, 0, 100, 60]} for k in (1, 2)]
    assert candidates([load_index(write(annotations=tiny))], "center", quiet)[0] == []


def test_the_funnel_counts_images_and_annotations_rule_by_rule(write: Make, rectangle: Make) -> None:
    names = ["cat", "dog", "zebra", "cup", "bowl", "bed", "sky"]
    categories = [{"id": k, "name": name, "isthing": int(name != "sky")} for k, name in enumerate(names, start=1)]
    images = [{"id": k, "file_name": f"{k}.jpg", "width": 100, "height": 60} for k in (1, 2, 3)]
    cells = [
        (20, 0, 80, 60),
        (20, 0, 60, 60),
        (20, 0, 50, 60),
        (20, 0, 40, 60),
        (20, 0, 30, 60),
        (20, 0, 29, 60),
    ]
    annotations = [
        rectangle(1, cells[0]),  # cat
        rectangle(2, cells[1]),  # another, smaller cat
        rectangle(3, cells[1], category=2),  # dog
        rectangle(4, cells[0], category=3),  # zebra: dropped
        rectangle(5, cells[2], category=4),  # cup
        rectangle(6, cells[3], category=5),  # bowl
        rectangle(7, cells[4], category=6),  # bed: a fifth class
        rectangle(8, cells[5], category=6),  # bed of 9 / 60 = 15 % exactly
        rectangle(9, (20, 0, 28, 60), category=6),  # bed below 15 %
        rectangle(10, cells[0], category=2, iscrowd=1),
        rectangle(11, cells[0], category=7),  # no thing
        {**rectangle(12, cells[0]), "image_id": 2},  # a cat alone
    ]
    file = write(images=images, categories=categories, annotations=annotations)
    (found,), funnel = candidates([load_index(file)], "center", quiet)
    assert list(funnel.left.items()) == [
        ("in the annotation files", [3, 12]),
        ("a thing", [2, 11]),
        ("not a crowd (iscrowd 0)", [2, 10]),
        ("not one of the six dropped classes", [2, 9]),
        ("covers at least 15 % of the square crop", [2, 8]),
        ("the largest of its class", [2, 6]),
        ("at least two distinct classes", [1, 5]),
        ("the four largest at most", [1, 4]),
    ]
    assert [one.annotation.id for one in found.concepts] == [1, 3, 5, 6]
    assert funnel.table().row_count == 8


def test_a_class_may_repeat_where_that_is_asked_for(write: Make, rectangle: Make) -> None:
    cats = [rectangle(1, (20, 0, 80, 60)), rectangle(2, (20, 0, 60, 60))]
    index = load_index(write(annotations=cats))
    assert candidates([index], "center", quiet)[0] == []
    for crop in ("center", "best"):
        (found,), funnel = candidates([index], crop, quiet, SelectionCriteria(repeated_classes=True))
        assert [(one.annotation.id, one.label) for one in found.concepts] == [(1, "cat"), (2, "cat")]
        assert "at least two things" in funnel.left
        assert "the largest of its class" not in funnel.left


def test_overlapping_masks_are_kept(write: Make, rectangle: Make) -> None:
    both = [rectangle(1, (20, 0, 80, 60)), rectangle(2, (20, 0, 80, 60), category=2)]
    (found,), _ = candidates([load_index(write(annotations=both))], "center", quiet)
    assert [one.pixels for one in found.concepts] == [3600, 3600]


def test_the_best_crop_finds_what_the_centre_cuts_off(write: Make, rectangle: Make) -> None:
    sides = [rectangle(1, (0, 0, 12, 60)), rectangle(2, (15, 0, 30, 60), category=2)]
    index = load_index(write(annotations=sides))
    assert candidates([index], "center", quiet)[0] == []
    (found,), _ = candidates([index], "best", quiet)
    assert found.square.box == (0, 0, 60, 60)
    assert [one.label for one in found.concepts] == ["dog", "cat"]


def test_the_best_crop_never_loses_concepts(records: Path, real_pool: dict[int, Candidate]) -> None:
    best = {c.photo.id: c for c in candidates([load_index(records)], "best", quiet)[0]}
    assert best.keys() - real_pool.keys() == {133030, 522418}
    for image, centred in real_pool.items():
        assert len(best[image].concepts) >= len(centred.concepts)


def test_two_files_with_the_same_image_id_are_two_images(write: Make, rectangle: Make) -> None:
    both = [rectangle(1, (20, 0, 40, 60)), rectangle(2, (60, 0, 70, 60), category=2)]
    train, val = write("train", annotations=both), write("val", annotations=both)
    pool, funnel = candidates([load_index(train), load_index(val)], "center", quiet)
    assert [(c.photo.split, c.photo.id) for c in pool] == [("train", 1), ("val", 1)]
    assert funnel.left["in the annotation files"] == [2, 4]


def test_damaged_run_lengths_name_file_and_annotation(write: Make) -> None:
    broken = {"id": 5, "image_id": 1, "category_id": 1, "segmentation": {"size": [60, 100], "counts": "PP"}}
    file = write(annotations=[broken])
    with pytest.raises(UserError, match=r"annotation 5 of image 1 has damaged run lengths") as caught:
        candidates([load_index(file)], "center", quiet)
    assert str(file) in str(caught.value)


def test_progress_hears_of_every_image(write: Make) -> None:
    images = [{"id": k, "file_name": f"{k}.jpg", "width": 9, "height": 9} for k in range(BATCH + 3)]
    heard: list[int] = []
    candidates([load_index(write(images=images))], "center", heard.append)
    assert heard == [BATCH, 3]
