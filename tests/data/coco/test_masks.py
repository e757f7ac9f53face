"""Masks against pycocotools' own drawing: counts are exact, bounds hold, damage is refused."""

import json
from array import array
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as pycoco
from pycocotools.coco import COCO

from bench.core.geometry import Square, centred_square
from bench.data.coco import masks

HEIGHT, WIDTH = 40, 60

coordinates = st.floats(-20, 80, allow_nan=False, width=32)
outlines = st.lists(st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=8), min_size=1, max_size=3)
bitmaps = arrays.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def polygons(shapes: list[list[tuple[float, float]]]) -> "tuple[array[float], ...]":
    return tuple(array("d", [value for point in shape for value in point]) for shape in shapes)


@given(outlines, st.integers(0, WIDTH - 20), st.integers(0, HEIGHT - 20))
def test_pixels_inside_a_crop_are_those_of_the_drawn_mask(
    shapes: list[list[tuple[float, float]]], left: int, top: int
) -> None:
    outline = polygons(shapes)
    drawn = pycoco.decode(pycoco.merge(pycoco.frPyObjects([list(one) for one in outline], HEIGHT, WIDTH)))
    rle = masks.rasterise(outline, HEIGHT, WIDTH)
    square = Square(left, top, 20)
    assert masks.pixels_inside(rle, square) == drawn[top : top + 20, left : left + 20].sum()
    assert masks.area(rle) == drawn.sum()


@given(outlines, st.integers(0, WIDTH - 20), st.integers(0, HEIGHT - 20))
def test_the_bound_is_never_below_the_pixels(shapes: list[list[tuple[float, float]]], left: int, top: int) -> None:
    outline, square = polygons(shapes), Square(left, top, 20)
    assert masks.most_pixels(outline, square) >= masks.pixels_inside(masks.rasterise(outline, HEIGHT, WIDTH), square)


@given(bitmaps)
def test_masks_survive_encoding_and_run_lengths_are_those_of_the_columns(mask: npt.NDArray[np.bool_]) -> None:
    rle = masks.encode(mask)
    assert np.array_equal(masks.decode(rle), mask)
    column_major = mask.flatten(order="F")
    changes = np.flatnonzero(np.diff(column_major.astype(int))) + 1
    expected = np.diff([0, *changes, mask.size]).tolist()
    if column_major[0]:
        expected = [0, *expected]
    lengths = masks.run_lengths(masks.counts_text(mask).encode())
    assert lengths is not None
    assert lengths.tolist() == expected


@given(bitmaps)
def test_both_kinds_of_run_lengths_draw_the_same(mask: npt.NDArray[np.bool_]) -> None:
    height, width = mask.shape
    text = masks.counts_text(mask)
    lengths = masks.run_lengths(text.encode())
    assert lengths is not None
    whole = Square(0, 0, max(height, width))
    for counts in (text, lengths.tolist()):
        shape = {"size": [height, width], "counts": counts}
        assert np.array_equal(masks.decode(masks.rasterise(shape, height, width)), mask)
        assert masks.most_pixels(shape, whole) >= mask.sum()


def test_real_masks_are_drawn_as_by_coco_s_own_api(real_records: Path) -> None:
    coco = COCO(str(real_records))
    annotations = coco.dataset["annotations"]
    for annotation in annotations[:: 1 if len(annotations) < 1_000 else 7]:
        photo = coco.imgs[annotation["image_id"]]
        shape = annotation["segmentation"]
        outline = tuple(array("d", one) for one in shape) if isinstance(shape, list) else shape
        square = centred_square(photo["width"], photo["height"])
        inside = coco.annToMask(annotation)[square.rows, square.columns].sum(dtype=int)
        rle = masks.rasterise(outline, photo["height"], photo["width"])
        assert masks.pixels_inside(rle, square) == inside
        assert masks.most_pixels(outline, square) >= inside


def test_a_polygon_of_two_points_covers_nothing() -> None:
    line = array("d", [0, 0, 20, 20])
    assert masks.area(masks.rasterise((line,), 30, 30)) == 0
    assert masks.area(masks.rasterise((), 30, 30)) == 0
    square = array("d", [0, 0, 10, 0, 10, 10, 0, 10])
    assert masks.area(masks.rasterise((line, square), 30, 30)) == 100


@pytest.mark.parametrize("counts", ["", "P", "ab\x7f", "A", "`0", "1" * 9, "ooooooooo0", [5, 5], [-1, 101], [100.0]])
def test_damaged_run_lengths_are_refused(counts: str | list[int]) -> None:
    with pytest.raises(ValueError, match="10 x 10 pixels"):
        masks.rasterise({"size": [10, 10], "counts": counts}, 10, 10)


def test_damaged_run_lengths_are_never_skipped_as_small() -> None:
    for counts in ("", "P", "ab\x7f", [5, 5]):
        assert masks.most_pixels({"size": [10, 10], "counts": counts}, Square(0, 0, 10)) == 100


def test_a_polygon_far_outside_is_refused_before_it_is_drawn() -> None:
    far = array("d", json.loads("[0, 0, 1e12, 0, 1e12, 1e12]"))
    with pytest.raises(ValueError, match="far outside its image"):
        masks.rasterise((far,), 10, 10)
