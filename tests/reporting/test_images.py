"""Pictures as data URIs, and concepts marked in them."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from bench.core.scenes import Concept, ImageArray, Mask, Scene
from bench.reporting.images import TAG, THUMBNAIL, centre, file_uri, places, side_by_side, uri, with_masks

SIDE = 16


def decode(address: str) -> ImageArray:
    content = base64.b64decode(address.partition("base64,")[2])
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def box(top: int, bottom: int, left: int, right: int) -> Mask:
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


def test_small_pictures_stay_as_they_are() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    address = uri(picture)
    assert address.startswith("data:image/png;base64,")
    assert np.array_equal(decode(address), picture)


def test_large_pictures_become_thumbnails() -> None:
    address = uri(np.full((512, 384, 3), 200, dtype=np.uint8))
    assert address.startswith("data:image/webp;base64,")
    assert decode(address).shape == (THUMBNAIL, 192, 3)


def test_a_missing_or_damaged_file_has_no_address(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    assert file_uri(tmp_path / "a.png") is not None
    (tmp_path / "cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:900])
    assert file_uri(tmp_path / "cut.png") is None
    assert file_uri(tmp_path / "nowhere.png") is None


def test_concepts_are_outlined_and_the_rest_is_dimmed() -> None:
    picture = np.full((SIDE, SIDE, 3), 20, dtype=np.uint8)
    concepts = (Concept("cat", box(2, 8, 2, 8), "[v1]"), Concept("hat", box(9, 16, 9, 14), "[v2]"))
    shown = with_masks(Scene("a", picture, concepts))
    times = shown.shape[0] // SIDE
    assert shown.shape == (256, 256, 3)
    assert shown[0, 0].tolist() == [8, 8, 8]
    assert shown[5 * times, 5 * times].tolist() == [20, 20, 20]
    assert shown[2 * times, 2 * times].tolist() == [240, 228, 66]
    assert shown[9 * times, 9 * times].tolist() == [86, 180, 233]
    assert shown[-1, 11 * times].tolist() == [20, 20, 20], "the picture's edge is no border of a mask"


def test_a_name_stands_deep_inside_its_mask() -> None:
    ring = box(0, 16, 0, 16) & ~box(3, 13, 3, 16)
    left, top = centre(ring)
    assert ring[int(top * SIDE), int(left * SIDE)]
    assert centre(box(4, 9, 6, 11)) == (8.5 / SIDE, 6.5 / SIDE)


def test_names_do_not_cover_each_other() -> None:
    low = box(9, 15, 4, 12)
    spots = places([low, low, box(0, 5, 0, 5), low])
    assert len(set(spots)) == 4
    for index, (left, top) in enumerate(spots):
        assert 0 <= top <= 1
        assert all(abs(left - x) >= TAG[0] or abs(top - y) >= TAG[1] for x, y in spots[:index])


def test_pictures_stand_side_by_side_with_their_masks() -> None:
    dark, light = (np.full((SIDE, SIDE, 3), grey, dtype=np.uint8) for grey in (10, 200))
    concepts = (Concept("cat", box(0, 4, 0, 4), "[v1]"), Concept("dog", box(8, 12, 2, 6), "[v2]", picture=1))
    wide = side_by_side(Scene("two", dark, concepts, more=(light,)))
    assert wide.picture.shape == (SIDE, 2 * SIDE, 3)
    cat, dog = (concept.mask for concept in wide.concepts)
    assert (wide.picture[cat] == 10).all()
    assert (wide.picture[dog] == 200).all()
    assert (cat.sum(), dog.sum()) == (16, 16)
    assert np.argwhere(dog).min(axis=0).tolist() == [8, SIDE + 2]
    assert with_masks(wide).shape[1] == 2 * with_masks(wide).shape[0]


def test_a_scene_of_one_picture_stays_as_it_is() -> None:
    scene = Scene("one", np.zeros((SIDE, SIDE, 3), dtype=np.uint8), (Concept("cat", box(0, 4, 0, 4), "[v1]"),))
    assert side_by_side(scene) is scene
