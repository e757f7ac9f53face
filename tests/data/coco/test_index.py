"""Reading annotation files: what is kept, and one clear line for whatever is wrong with them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.core.errors import UserError
from bench.data.coco.index import annotation_files, load_index, points_outside

Make = Callable[..., Any]


def test_a_file_becomes_photos_classes_and_annotations(write: Make, rectangle: Make) -> None:
    crowd = rectangle(7, (0, 0, 9, 9), category=2, iscrowd=1, area=1.0, bbox=[0, 0, 1, 1])
    index = load_index(write("val2017", annotations=[crowd, rectangle(3, (5, 5, 9, 9))]))
    assert index.split == "val2017"
    assert index.photos[1].licence is not None
    assert index.photos[1].licence.name == "CC BY"
    assert [(a.id, a.category_id, a.crowd) for a in index.annotations[1]] == [(3, 1, False), (7, 2, True)]
    assert [list(outline) for outline in index.annotations[1][0].segmentation] == [[5, 5, 9, 5, 9, 9, 5, 9]]


def test_every_class_is_a_thing_unless_the_file_says_otherwise(write: Make) -> None:
    categories = [
        {"id": 1, "name": "cat"},
        {"id": 2, "name": "dog", "isthing": 1},
        {"id": 3, "name": "sky", "isthing": 0},
    ]
    index = load_index(write(categories=categories))
    assert [index.categories[k].thing for k in (1, 2, 3)] == [True, True, False]


def test_real_records_have_the_known_numbers(fixtures: Path) -> None:
    (file,) = annotation_files(fixtures / "coco")
    index = load_index(file)
    assert len(index.photos) == 22
    assert len(index.categories) == 80
    assert sum(map(len, index.annotations.values())) == 108
    assert {photo.licence.name for photo in index.photos.values() if photo.licence} >= {"Attribution License"}
    # A crowd has plain run lengths in the instance annotations and compressed ones in the panoptic annotations.
    crowds = {a.id: a.image_id for group in index.annotations.values() for a in group if a.crowd}
    assert crowds == {900100204805: 204805, 5001000510: 7511}


def test_a_large_real_file_has_the_known_numbers(shared_data: Callable[[str], Path]) -> None:
    index = load_index(shared_data("coco") / "annotations" / "instances_sample.json")
    assert (len(index.photos), len(index.categories)) == (611, 80)
    assert sum(map(len, index.annotations.values())) == 5102
    assert sum(a.crowd for group in index.annotations.values() for a in group) == 49


def test_annotation_files_are_found_by_split(write: Make, tmp_path: Path) -> None:
    train, val = write("train2017"), write("val2017")
    (tmp_path / "annotations" / "captions_val2017.json").write_text("{}")
    assert annotation_files(tmp_path) == (train, val)
    assert annotation_files(tmp_path, "val2017") == (val,)
    assert annotation_files(tmp_path, "val2017, train2017") == (train, val)


def test_an_unknown_split_names_the_known_ones(write: Make, tmp_path: Path) -> None:
    write("train2017")
    with pytest.raises(UserError, match=r"instances_test\.json; its splits are train2017"):
        annotation_files(tmp_path, "test")


def test_a_folder_without_annotations_says_what_coco_names(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no instances_\*\.json; --coco names the folder"):
        annotation_files(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("\x00\x01", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[1, 2]", "not a COCO instances file: it has no list 'images'"),
        ('{"images": [], "categories": []}', "it has no list 'annotations'"),
        ('{"images": {}, "annotations": [], "categories": []}', "it has no list 'images'"),
    ],
)
def test_what_is_not_coco_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "instances_x.json"
    file.write_text(text)
    with pytest.raises(UserError, match=said) as caught:
        load_index(file)
    assert str(file) in str(caught.value)
    assert caught.value.code == 2


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*instances_none.json"):
        load_index(tmp_path / "instances_none.json")


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (30_000, 30_000), (16_385, 2)])
def test_an_image_larger_than_the_limits_is_refused(write: Make, width: int, height: int) -> None:
    image = {"id": 1, "file_name": "1.jpg", "width": width, "height": height}
    with pytest.raises(UserError, match=rf"image 1 is of {width} x {height} pixels, more than the limit"):
        load_index(write(images=[image]))


SQUARE = [0, 0, 9, 0, 9, 9, 0, 9]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"category_id": 99}, "annotation 5 has category 99, which is not among the file's categories"),
        ({"image_id": 8}, "annotation 5 belongs to image 8, which is not in the file"),
        ({"image_id": "1"}, "annotation 5 belongs to image 1, which is not"),
        ({"id": None}, "annotation None has no whole number as id"),
        ({"segmentation": None}, "annotation 5 has a segmentation that is neither"),
        ({"segmentation": [["a"]]}, "annotation 5 has a segmentation that is neither"),
        ({"segmentation": [[10**400, *SQUARE[1:]]]}, "annotation 5 has a segmentation that is neither"),
        ({"segmentation": [SQUARE[:-1]]}, "annotation 5 has a polygon that is not pairs"),
        (
            {"segmentation": [[*SQUARE[:-1], float("nan")]]},
            "annotation 5 has a polygon that is not pairs of finite",
        ),
        ({"segmentation": {"size": [60, 100]}}, "annotation 5 has a segmentation that is neither"),
        (
            {"segmentation": {"size": [100, 60], "counts": "abc"}},
            r"annotation 5 has a run-length encoding of size \[100, 60\], its image's is \[60, 100\]",
        ),
    ],
)
def test_a_bad_annotation_is_named_by_its_id(write: Make, change: dict[str, Any], said: str) -> None:
    good = {"id": 5, "image_id": 1, "category_id": 1, "segmentation": [SQUARE]}
    file = write(annotations=[{**good, **change}])
    with pytest.raises(UserError, match=said) as caught:
        load_index(file)
    assert str(file) in str(caught.value)


def test_ids_must_be_unique(write: Make, rectangle: Make) -> None:
    with pytest.raises(UserError, match="annotation 5 has the id of another one"):
        load_index(write(annotations=[rectangle(5, (0, 0, 9, 9)), rectangle(5, (0, 0, 9, 9))]))
    image = {"id": 4, "file_name": "4.jpg", "width": 9, "height": 9}
    with pytest.raises(UserError, match="two images have the id 4"):
        load_index(write(images=[image, {**image, "file_name": "5.jpg"}]))


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ([{"id": 4, "file_name": "4.jpg", "width": 9}], "image 4 has no usable 'height'"),
        ([{"id": 4, "file_name": "4.jpg", "width": 9, "height": 0}], "image 4 has no usable whole number: 0"),
        (["x"], "image 'x' has no usable"),
    ],
)
def test_a_bad_image_record_is_named(write: Make, images: list[Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        load_index(write(images=images))


def test_a_category_id_that_stands_twice_is_refused(write: Make) -> None:
    categories = [{"id": 1, "name": "cat"}, {"id": 1, "name": "dog"}]
    with pytest.raises(UserError, match="two categories have the id 1"):
        load_index(write(categories=categories))


def test_an_id_of_400_digits_is_none(write: Make) -> None:
    with pytest.raises(UserError, match="has no usable whole number: 1000"):
        load_index(write(images=[{"id": 10**400, "file_name": "1.jpg", "width": 9, "height": 9}]))


@pytest.mark.parametrize("licences", [3, "x", [3], [{"id": [1]}], [{"id": {}, "name": 3}], [{"name": None}], {"id": 1}])
def test_licences_of_other_types_are_no_licences(write: Make, licences: Any) -> None:
    assert load_index(write(licenses=licences)).photos[1].licence is None


def test_half_a_character_in_a_name_becomes_its_escape(write: Make) -> None:
    file = write(licenses=[{"id": 1, "name": "CC \ud800", "url": "\udfff"}], categories=[{"id": 1, "name": "c\ud800t"}])
    index = load_index(file)
    assert index.categories[1].name == "c\\ud800t"
    assert index.photos[1].licence is not None
    assert index.photos[1].licence.name == "CC \\ud800"


def test_captions_are_not_instances(write: Make) -> None:
    with pytest.raises(UserError, match="this is not an instances file"):
        load_index(write(annotations=[{"id": 1, "image_id": 1, "caption": "a cat"}]))


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../1.jpg", "a/../../1.jpg", "..\\1.jpg", "C:\\1.jpg", "", "a\0b", ".."]
)
def test_a_name_that_points_outside_is_refused(write: Make, name: str) -> None:
    assert points_outside(name)
    with pytest.raises(UserError, match=r"image 4 has file_name .*, outside the image folder"):
        load_index(write(images=[{"id": 4, "file_name": name, "width": 9, "height": 9}]))


@pytest.mark.parametrize("name", ["1.jpg", "train2017/1.jpg", "a..b.jpg", "..a/b.jpg"])
def test_names_inside_the_folder_are_fine(name: str) -> None:
    assert not points_outside(name)
