"""The gallery's pictures: every tile in its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.core.scenes import ImageArray
from bench.playroom.evaluate import gallery
from bench.playroom.evaluate.drawn_samples import SampleRequest
from bench.playroom.evaluate.gallery import GAP, MARGIN, Sheet
from bench.playroom.world.contexts import CONTEXTS
from bench.playroom.world.toys import CLASSES


def shades(rows: int, columns: int) -> list[list[ImageArray]]:
    return [[np.full((20, 20, 3), 10 * row + column, np.uint8) for column in range(columns)] for row in range(rows)]


def test_a_sheet_has_every_picture_where_its_row_and_column_are() -> None:
    painted = np.asarray(Sheet(shades(3, 2), ("a", "b", "c"), ("x", "y")).paint())
    top = painted.shape[0] - 3 * (20 + GAP)
    for row in range(3):
        for column in range(2):
            y, x = top + (20 + GAP) * row, MARGIN + (20 + GAP) * column
            assert (painted[y : y + 20, x : x + 20] == 10 * row + column).all()
    assert (painted[:top, MARGIN:] < 128).any(), "the columns have names"
    assert (painted[top:, : MARGIN - 8] < 128).any(), "the rows have names"


class Artist:
    """Draws a grey for every request."""

    def __init__(self) -> None:
        self.requests: list[SampleRequest] = []

    def draw(self, requests: list[SampleRequest], what: str) -> list[ImageArray]:
        self.requests = requests
        return [np.full((20, 20, 3), number, np.uint8) for number in range(len(requests))]


def test_the_base_model_is_shown_by_class_and_context() -> None:
    generator = Artist()
    painted = np.asarray(gallery.base_model(generator))
    assert len(generator.requests) == len(CLASSES) * len(CONTEXTS)
    assert generator.requests[11].text == f"a photo of a {CLASSES[1]} {CONTEXTS[1]}"
    top = painted.shape[0] - len(CLASSES) * (20 + GAP)
    assert (painted[top + 20 + GAP : top + 40, MARGIN + 20 + GAP : MARGIN + 40] == 11).all()


def test_the_world_s_picture_is_the_one_in_the_docs(tmp_path: Path) -> None:
    committed = gallery.DOCS / "playroom-world.png"
    if not committed.is_file():
        pytest.skip("docs/playroom-world.png not present")
    gallery.main("world", out=tmp_path)
    with Image.open(committed) as one, Image.open(tmp_path / "playroom-world.png") as other:
        assert one.size == other.size
        assert np.abs(np.asarray(one).astype(int) - np.asarray(other)).mean() < 2
