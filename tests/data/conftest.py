"""A small drawn COCO folder and recipes over it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.data.builders.coco import CocoBuilder, SceneOptions
from bench.playroom.world.coco import CocoSpec, write_coco


@pytest.fixture(scope="session")
def drawn_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "coco"
    write_coco(folder, CocoSpec(pictures=40, seed=1, size=96))
    return folder


@pytest.fixture
def toys(drawn_once: Path, tmp_path: Path) -> Path:
    """A folder in COCO's format that a test may change."""
    return Path(shutil.copytree(drawn_once, tmp_path / "toys"))


@pytest.fixture
def recipe() -> Callable[..., CocoBuilder]:
    """The recipe over a COCO folder: four scenes of 32 pixels with two prompts a subset, unless changed."""

    def make(coco: Path, **changes: object) -> CocoBuilder:
        options = {
            "scenes": 4,
            "mix": "1,0,0",
            "formats": "2",
            "samples": 1,
            "seed": 0,
            "crop": "center",
            "prompts": "powerset",
        }
        own = {key: changes.pop(key) for key in list(changes) if key in (*options, "split", "only_present")}
        settings = {"size": 32, **changes}
        return CocoBuilder("toys", coco, SceneOptions(**{**options, **own}), **settings)  # type: ignore[arg-type]

    return make
