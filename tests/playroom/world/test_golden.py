"""The drawing is pinned: every class, motif and context looks as in the stored pictures of this renderer.

Where the drawing is meant to change, raise `RENDERER`, remove the old pictures, write new ones with
`python tests/playroom/world/test_golden.py`, and train every checkpoint again.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.core.scenes import ImageArray
from bench.playroom.world.contexts import CONTEXTS
from bench.playroom.world.motifs import MOTIFS
from bench.playroom.world.scene import RENDERER, PlacedToy, ToyScene, draw
from bench.playroom.world.toys import CLASSES, ToyIdentity

FOLDER = Path(__file__).parent / "golden"
SIZE, SMALL = 64, 32
MEAN_LEVELS = 1.0
"""A tile may differ by so many of 255 levels on average: room for other versions of Pillow's anti-aliasing."""

MUG = PlacedToy(ToyIdentity("mug", "teal", "salmon", "zigzag", 1.1, 0.3, 2.5), 0.47, 0.52, 0.7, -9.0, True)
SCENES: dict[str, dict[str, ToyScene]] = {
    "classes": {
        name: ToyScene((PlacedToy(ToyIdentity(name, "red", "white", "striped"), 0.5, 0.5, 0.7, 8.0),), None, number)
        for number, name in enumerate(CLASSES)
    },
    "motifs": {
        name: ToyScene((replace(MUG, identity=replace(MUG.identity, motif=name)),), None, number)
        for number, name in enumerate(MOTIFS)
    },
    "contexts": {
        name: ToyScene((replace(MUG, x=0.3, size=0.4), replace(MUG, x=0.66, size=0.45)), name, number)
        for number, name in enumerate(CONTEXTS)
    },
}


def tile(scene: ToyScene) -> ImageArray:
    """The scene, drawn as in training and averaged down to half the side."""
    return np.asarray(Image.fromarray(draw(scene, SIZE).picture).reduce(SIZE // SMALL))


def file_of(sheet: str) -> Path:
    return FOLDER / f"renderer-{RENDERER}-{sheet}.png"


def golden(sheet: str) -> dict[str, ImageArray]:
    """The stored tiles by name."""
    with Image.open(file_of(sheet)) as image:
        tiles = np.split(np.asarray(image), len(SCENES[sheet]), axis=1)
    return dict(zip(SCENES[sheet], tiles, strict=True))


def distance(one: ImageArray, other: ImageArray) -> float:
    """Mean absolute difference in levels of 255."""
    return float(np.abs(one.astype(int) - other).mean())


@pytest.mark.parametrize("sheet", SCENES)
def test_the_drawing_is_that_of_this_renderer(sheet: str) -> None:
    stored = golden(sheet)
    apart = {name: distance(tile(scene), stored[name]) for name, scene in SCENES[sheet].items()}
    assert {name: levels for name, levels in apart.items() if levels > MEAN_LEVELS} == {}


@pytest.mark.parametrize("sheet", SCENES)
def test_the_stored_tiles_differ_from_one_another(sheet: str) -> None:
    stored = list(golden(sheet).values())
    pairs = [(one, other) for k, one in enumerate(stored) for other in stored[:k]]
    assert min(distance(*pair) for pair in pairs) > MEAN_LEVELS


@pytest.mark.parametrize(
    "change",
    [{"x": 0.485}, {"size": 0.72}, {"angle": -5.0}, {"identity": replace(MUG.identity, first="green")}],
    ids=["moved by one pixel", "3 % larger", "turned by 4 degrees", "another colour"],
)
def test_a_small_change_of_the_drawing_would_be_noticed(change: dict[str, object]) -> None:
    changed = ToyScene((replace(MUG, **change),), None, 0)
    assert distance(tile(ToyScene((MUG,), None, 0)), tile(changed)) > MEAN_LEVELS


def test_the_stored_pictures_are_small_and_of_this_renderer_alone() -> None:
    files = list(FOLDER.glob("*.png"))
    assert {file.name for file in files} == {file_of(sheet).name for sheet in SCENES}
    assert sum(file.stat().st_size for file in files) < 100_000


if __name__ == "__main__":
    for sheet, scenes in SCENES.items():
        Image.fromarray(np.concatenate([tile(scene) for scene in scenes.values()], axis=1)).save(file_of(sheet))
