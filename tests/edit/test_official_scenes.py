"""The applications on the official example scenes, with the tiny backbone: machinery alone, pictures are noise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.core.images import read_picture
from bench.data.builders.folder import FolderBuilder
from bench.data.load import load_dataset
from bench.data.prompts import PromptPlan, parse_formats
from bench.edit.engine import edit
from bench.edit.generation import generate
from bench.edit.options import EditOptions, EditPaths, GenerateOptions
from bench.edit.output import pictures_of
from bench.run.options import BackboneOptions

SCENES = {"bear": 3, "chicken": 3, "creature": 3, "rabbit": 2, "sheep": 4}
"""The official scenes with their numbers of masks."""
Find = Callable[[str], Path]


@pytest.fixture
def official(shared_data: Find) -> Path:
    return shared_data("break-a-scene")


@pytest.mark.parametrize(("name", "concepts"), [("rabbit", 2), ("creature", 3), ("sheep", 4)])
def test_a_scene_is_taken_apart_with_its_background(
    official: Path, name: str, concepts: int, setup: BackboneOptions, places: Callable[..., EditPaths]
) -> None:
    """`ours:background` learns what the masks leave, whose handle is the last one."""
    each = ("a photo of {tokens}", f"{{tokens}} at [v{concepts + 1}]")
    options = GenerateOptions("ours:background", official / name, (), 1, 8, each=each)
    sheet, *pictures = generate(options, setup, places(name))
    assert sheet.name == "sheet.png"
    assert len(pictures) == 2 * (concepts + 1), "each concept alone, and all together, in both texts"
    assert all(read_picture(file).shape == (32, 32, 3) for file in pictures)


def test_two_regions_of_an_official_scene_are_painted(
    official: Path, setup: BackboneOptions, places: Callable[..., EditPaths]
) -> None:
    """The creatures' places are swapped; what is in neither region stays."""
    scene = official / "creature"
    masks = (scene / "mask0.png", scene / "mask1.png")
    prompts = ("a [v2]", "a [v1] in the snow")
    options = EditOptions("ours", scene, scene / "img.jpg", masks, prompts, (0.0,), 0.25, None, None)
    folder = edit(options, setup, places("swapped"))
    names = [file.name for file in pictures_of(folder)]
    assert names == ["grid.png", "step-size-0.png", "region-1-step-size-0.png", "mask-1.png", "mask-2.png"]
    result = read_picture(folder / "step-size-0.png")
    with Image.open(scene / "img.jpg") as image:
        target = np.asarray(image.convert("RGB").resize((32, 32), Image.Resampling.LANCZOS))
    painted = np.any([read_picture(folder / f"mask-{number}.png")[:, :, 0] > 0 for number in (1, 2)], axis=0)
    np.testing.assert_array_equal(result[~painted], target[~painted])
    assert (result[painted] != target[painted]).any()


def test_they_are_a_dataset_with_backgrounds(official: Path, tmp_path: Path) -> None:
    plan = PromptPlan(parse_formats("1"), 1, "powerset", 0)
    FolderBuilder(official, 64, background=True, plan=plan, background_word="room").build(tmp_path / "out")
    scenes = {scene.name: scene for scene in load_dataset(tmp_path / "out").scenes}
    assert {name: len(scene.concepts) - 1 for name, scene in scenes.items()} == SCENES
    for scene in scenes.values():
        assert scene.concepts[-1].is_background
        assert not (scene.concepts[-1].mask & scene.concepts[0].mask).any()
        assert any("the room" in scene.text_with_classes(prompt) for prompt in scene.prompts)
