"""A dataset is written whole or not at all."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.core.errors import UserError
from bench.data import writer
from bench.data.builders.coco import CocoBuilder
from bench.data.load import load_dataset

Recipe = Callable[..., CocoBuilder]


FULL = [
    (errno.ENOSPC, "img.png"),
    (errno.EDQUOT, "mask1.png"),
    (errno.ENOSPC, "sheet.png"),
    (errno.ENOSPC, "manifest.json"),
]


@pytest.fixture(params=FULL, ids=lambda case: case[1])
def full_disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full when a certain file is to be written."""
    number, fails_at = request.param
    write = Path.write_bytes

    def write_bytes(self: Path, content: bytes) -> int:
        if self.name == fails_at:
            raise OSError(number, os.strerror(number))
        return write(self, content)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)


@pytest.mark.usefixtures("full_disk")
def test_no_space_left_is_one_line_and_nothing_stays(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    with pytest.raises(UserError, match=r"there is no space left on the disk.*nothing was written") as caught:
        recipe(toys).build(tmp_path / "out")
    assert caught.value.code == 2
    assert {path.name for path in tmp_path.iterdir()} == {"toys"}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("bug")])
def test_an_interruption_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    def interrupted() -> None:
        with writer.whole_folder(tmp_path / "out") as folder:
            (folder / "half").write_text("x")
            raise error

    with pytest.raises(type(error)):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_appears_at_the_end_with_its_parents(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b" / "out"
    with writer.whole_folder(out) as folder:
        (folder / "x").write_text("x")
        assert not out.exists()
    assert [file.name for file in out.iterdir()] == ["x"]
    assert [file.name for file in out.parent.iterdir()] == ["out"]


def test_an_empty_folder_may_be_filled(toys: Path, tmp_path: Path, recipe: Recipe) -> None:
    (tmp_path / "out").mkdir()
    recipe(toys).build(tmp_path / "out")
    assert len(load_dataset(tmp_path / "out").scenes) == 4


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    def build() -> None:
        with writer.whole_folder(tmp_path / "file" / "out"):
            pytest.fail("there is no such folder")

    with pytest.raises(UserError, match=r"cannot write .*out: Not a directory; nothing was written"):
        build()


def test_a_relative_output_is_written_where_one_stands(
    toys: Path, tmp_path: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    recipe(toys).build(Path("out"))
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["out"]


@pytest.mark.parametrize("damage", ["removed", "truncated", "changed"])
def test_a_damaged_picture_is_noticed_when_loading_and_when_building_again(
    toys: Path, tmp_path: Path, recipe: Recipe, damage: str
) -> None:
    recipe(toys).build(tmp_path / "out")
    first, second = sorted((tmp_path / "out" / "scenes").glob("*/img.png"))[:2]
    actions: dict[str, Callable[[], Any]] = {
        "removed": first.unlink,
        "truncated": lambda: first.write_bytes(first.read_bytes()[:100]),
        "changed": lambda: first.write_bytes(second.read_bytes()),
    }
    actions[damage]()
    for attempt in (lambda: load_dataset(tmp_path / "out"), lambda: recipe(toys).build(tmp_path / "out")):
        with pytest.raises(UserError, match=first.parent.name) as caught:
            attempt()
        assert "\n" not in str(caught.value)
