"""`bench edit`: its help, its errors in one line, and what it prints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options of an edit that only lacks what a test spoils, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scene").mkdir()
    for name, mode in (("scene/img.png", "RGB"), ("scene/mask0.png", "L"), ("room.png", "RGB"), ("mask.png", "L")):
        Image.new(mode, (64, 64), "white").save(tmp_path / name)
    return ["--source", "scene", "--target", "room.png", "--mask", "mask.png", "--prompt", "a photo of [v1]"]


def test_its_help_says_what_a_scene_is(call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert call("edit", "--help") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Usage: bench edit" in shown
    assert "--source" in shown


@pytest.mark.parametrize(
    ("method", "changes", "message"),
    [
        ("our", {}, "no method is called 'our'; did you mean ours?"),
        ("ours", {"--source": "nowhere"}, "'nowhere' does not exist"),
        ("ours", {"--target": "nowhere.png"}, "'nowhere.png' does not exist"),
        ("ours", {"--mask": "scene"}, "'scene' is a directory"),
        ("ours", {"--prompt": "a photo of a cat"}, "names no handle of the source"),
        ("ours", {"--guidance-step-size": "0,much"}, "--guidance-step-size 0,much: write numbers with commas"),
        ("ours", {"--guidance-step-size": "-1"}, "a step size is a number from 0 up"),
        ("ours", {"--start": "1"}, "--start"),
        ("ours", {"--budget": "endless"}, "no budget 'endless'"),
        ("ours", {"--backbone": "/no/such/folder"}, "backbone /no/such/folder"),
        ("ours", {"--device": "tpu9"}, "tpu9"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    call: Callable[..., int],
    method: str,
    changes: dict[str, str],
    message: str,
    inputs: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = {**dict(zip(inputs[::2], inputs[1::2], strict=True)), **changes}
    assert call("edit", method, *(part for pair in options.items() for part in pair)) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("bench: ")
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--prompt", "[v1] again"], "--mask 1 times and --prompt 2 times: each region has its own"),
        (["--mask", "mask.png"], "--mask 2 times and --prompt 1 times: each region has its own"),
        (["--mask", "mask.png", "--prompt", "a photo of a cat"], "'a photo of a cat' names no handle of the source"),
        (["--mask", "black.png", "--prompt", "[v1]"], "black.png"),
        (["--mask", "mask.png", "--prompt", "[v1]"], "the target's mask 1 lies under later ones"),
    ],
)
def test_regions_that_cannot_be_painted_are_one_line(
    call: Callable[..., int], more: list[str], message: str, inputs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("L", (64, 64)).save("black.png")
    assert call("edit", "ours", *inputs, *more) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert not list(Path().glob("edits/*/*"))
