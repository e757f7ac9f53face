"""The exam of the evaluators: its rates, its held-out scenes and its sheet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.playroom.contexts import CONTEXTS
from bench.playroom.exam import Rate, held_out, sizes
from bench.playroom.samples import Sample, write_sheet
from bench.playroom.toys import CLASSES, COLOURS


def test_rate_has_wilsons_interval() -> None:
    # Newcombe 1998: the score interval of 8 of 10 is .4902 to .9433.
    told = Rate.of([True] * 8 + [False] * 2).describe()
    assert told == {"rate": 0.8, "low": 0.4902, "high": 0.9433, "n": 10}


def test_held_out_scenes_are_the_same_each_time_and_have_the_asked_looks() -> None:
    one, two = list(held_out(12, "unseen")), list(held_out(12, "unseen"))
    assert [scene for scene, _ in one] == [scene for scene, _ in two]
    named = [toy.identity.first in COLOURS for scene, _ in one for toy in scene.toys]
    assert named
    assert not any(named)


def test_sizes_adds_up_files(tmp_path: Path) -> None:
    for name, count in (("clip/a.json", 3), ("clip/b/c.bin", 4), ("vit/d.bin", 5)):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * count)
    assert sizes(tmp_path) == {"clip": 7, "vit": 5, "all": 12, "largest_file": 5}


def test_sheet_has_a_row_a_class_and_a_column_a_context(tmp_path: Path) -> None:
    pictures = [
        Sample(np.full((4, 4, 3), row * 16 + column, np.uint8), name, context)
        for row, name in enumerate(CLASSES)
        for column, context in enumerate(CONTEXTS)
    ]
    write_sheet(pictures, tmp_path / "sheet.png")
    drawn = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert drawn.shape == (4 * len(CLASSES), 4 * len(CONTEXTS), 3)
    assert drawn[4 * 2, 4 * 3, 0] == pytest.approx(2 * 16 + 3)
