"""What building one's own pictures says of labels and crops, as one types it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from bench.cli.main import main

Build = Callable[..., list[str]]


def draw(folder: Path, size: tuple[int, int], labels: str = "") -> None:
    """A scene of one concept in the middle."""
    folder.mkdir(parents=True)
    width, height = size
    Image.new("RGB", size, "grey").save(folder / "img.png")
    mask = Image.new("L", size)
    mask.paste(255, (width // 2 - 5, height // 2 - 5, width // 2 + 5, height // 2 + 5))
    mask.save(folder / "mask0.png")
    if labels:
        (folder / "labels.txt").write_text(labels)


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Build:
    """Builds the dataset of `pics` and returns the lines printed."""
    monkeypatch.chdir(tmp_path)

    def run(*options: str) -> list[str]:
        with pytest.raises(SystemExit) as end:
            main(["build-dataset", "folder", "--folder", "pics", "--out", "out", "--formats", "1", *options])
        assert end.value.code == 0
        return capsys.readouterr().out.splitlines()

    return run


def test_crops_and_missing_labels_are_told_before_anything_is_drawn(build: Build) -> None:
    draw(Path("pics/wide"), (640, 480))
    draw(Path("pics/tall"), (480, 640), "mug")
    draw(Path("pics/small"), (100, 100), "mug")
    said = build("--size", "256")
    assert said[0].startswith("no labels.txt in wide: every concept there is called 'object'")
    assert "identity and detection will have no value" in said[0]
    assert said[1:4] == [
        "small/img.png 100 x 100: enlarged to 256 x 256",
        "tall/img.png 480 x 640: the middle 480 x 480 is used",
        "wide/img.png 640 x 480: the middle 480 x 480 is used",
    ]
    assert said[4] == "3 scenes, 6 prompts per method"


def test_a_scene_by_itself_names_its_picture_and_counts_in_the_singular(build: Build) -> None:
    draw(Path("pics"), (640, 480), "mug")
    assert build("--samples", "1", "--size", "64")[:2] == [
        "img.png 640 x 480: the middle 480 x 480 is used",
        "1 scene, 1 prompt per method",
    ]


def test_a_mask_that_the_crop_cuts_is_told_with_its_share(build: Build) -> None:
    draw(Path("pics"), (640, 480), "mug")
    mask = Image.new("L", (640, 480))
    mask.paste(255, (0, 100, 160, 200))  # the crop begins at 80
    mask.save("pics/mask0.png")
    assert build("--size", "64")[0] == "mask0.png loses 50% of its pixels to the crop: pics"


def test_nothing_is_said_of_square_pictures_with_labels(build: Build) -> None:
    draw(Path("pics"), (480, 480), "mug")
    assert build("--size", "64")[0] == "1 scene, 2 prompts per method"


def test_of_many_pictures_some_are_told(build: Build) -> None:
    for number in range(9):
        draw(Path(f"pics/p{number}"), (64, 48), "mug")
    said = build("--size", "32")
    assert sum("the middle 48 x 48 is used" in line for line in said) == 6
    assert said[6] == "3 more pictures cropped or enlarged likewise"


def test_every_picture_of_a_scene_of_several_is_told(build: Build) -> None:
    draw(Path("pics/pair/one"), (64, 48), "mug")
    draw(Path("pics/pair/two"), (48, 64), "car")
    assert build("--size", "32")[:2] == [
        "pair/one/img.png 64 x 48: the middle 48 x 48 is used",
        "pair/two/img.png 48 x 64: the middle 48 x 48 is used",
    ]
