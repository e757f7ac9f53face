"""`bench generate`: its help, its texts and its errors in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from bench.cli.generate import _asked


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a white picture and mask."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scene").mkdir()
    for name, mode in (("img.png", "RGB"), ("mask0.png", "L")):
        Image.new(mode, (64, 64), "white").save(tmp_path / "scene" / name)
    return tmp_path / "scene"


def test_texts_of_the_line_come_before_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("[v2] in the snow\n\n  a photo of [v1]  \n", encoding="utf-8")
    assert _asked(["a photo of [v1]", "[v1]"], file) == ("a photo of [v1]", "[v1]", "[v2] in the snow")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ours", "--source", "scene"], "nothing to draw: give --text"),
        (["ours", "--source", "scene", "--text", " "], "nothing to draw"),
        (["ours", "--source", "scene", "--each", "a photo of [v1]"], "--each 'a photo of [v1]': write {tokens} once"),
        (["ours", "--source", "scene", "--each", "{tokens} at [v2]"], "the source has no [v2]; it has [v1] (object)"),
        (["ours", "--source", "nowhere", "--text", "[v1]"], "folder 'nowhere' does not exist."),
        (["ours", "--source", "scenne", "--text", "[v1]"], "did you mean scene?"),
        (["our", "--source", "scene", "--text", "[v1]"], "did you mean ours?"),
        (["ours", "--source", "scene", "--text", "[v2]"], "the source has no [v2]; it has [v1] (object)"),
        (["ours", "--source", "scene", "--texts", "latin"], "latin is not UTF-8 text"),
        (["ours", "--source", "scene", "--text", "[v1]", "--samples", "0"], "--samples"),
        (
            ["ours", "--source", "scene", "--text", "[v1]", "--name", "../x"],
            "--name '../x': it is the name of a folder",
        ),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    call: Callable[..., int], arguments: list[str], message: str, scene: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (scene.parent / "latin").write_bytes("ein Käfer".encode("latin-1"))
    assert call("generate", *arguments) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert len(error.splitlines()) == 1
    assert not list(scene.parent.glob("generated/*/*"))


def test_a_text_without_a_handle_is_warned_of_before_anything_is_drawn(
    call: Callable[..., int], scene: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("generate", "ours", "--source", "scene", "--text", "a photo of an object", "--text", "[object]") == 2
    warned, refused = capsys.readouterr().err.strip().splitlines()
    assert warned == (
        "'a photo of an object' names no handle, so nothing that was learned is drawn; known: [v1] (object), to be "
        "written as in 'a photo of [v1]'"
    )
    assert "'[object]': the source has no [object]; it has [v1] (object)" in refused


def test_its_help_shows_how_a_text_is_written(call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert call("generate", "--help") == 0
    assert "a photo of [v1] and [v2]" in " ".join(capsys.readouterr().out.split())
