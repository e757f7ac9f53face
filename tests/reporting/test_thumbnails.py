"""The pictures of a gallery's scenes as files (those of methods: tests/reports/test_gallery.py)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.core.scenes import Concept, Scene
from bench.reporting.thumbnails import INPUT_SIDE, write_inputs


def make_scene(side: int, pictures: int = 1, marked: bool = True) -> Scene:
    mask = np.zeros((side, side), dtype=bool)
    mask[: side // 2, : side // 2] = marked
    grey = np.full((side, side, 3), 200, dtype=np.uint8)
    concepts = tuple(Concept("cat", mask, f"[v{number + 1}]", picture=number) for number in range(pictures))
    return Scene("a", grey, concepts, more=(grey,) * (pictures - 1))


def read(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


def test_a_scene_has_its_picture_plain_and_with_its_concepts_outlined(tmp_path: Path) -> None:
    (shown,) = write_inputs([make_scene(64)], tmp_path)
    plain, outlined = read(tmp_path / shown.plain), read(tmp_path / shown.outlined)
    assert np.array_equal(plain, np.full((64, 64, 3), 200)), "small pictures stay pixel for pixel"
    assert outlined.shape == (256, 256, 3)
    assert outlined[200, 200].tolist() == pytest.approx([80, 80, 80], abs=3), "what is no concept is dimmed"
    assert outlined[60, 60].tolist() == pytest.approx([200, 200, 200], abs=3)
    (concept,) = shown.concepts
    assert (concept.handle, concept.label) == ("[v1]", "cat")
    assert (concept.left, concept.top) == pytest.approx((0.25, 0.25), abs=0.02)


def test_pictures_of_one_scene_stand_side_by_side(tmp_path: Path) -> None:
    (shown,) = write_inputs([make_scene(1024, pictures=2)], tmp_path)
    assert shown.wide == 2
    assert read(tmp_path / shown.plain).shape == (INPUT_SIDE, 2 * INPUT_SIDE, 3)
    assert shown.concepts[1].left > 0.5


def test_without_masks_nothing_is_dimmed(tmp_path: Path) -> None:
    (shown,) = write_inputs([make_scene(200, marked=False)], tmp_path)
    assert np.array_equal(read(tmp_path / shown.plain), read(tmp_path / shown.outlined))
