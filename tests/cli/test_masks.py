"""`bench masks`: its help, its errors in one line, and what it prints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.masks.choice import LEAST_KEPT, NEAR_BEST
from bench.masks.models import MODELS
from bench.playroom.world.ground_truth import as_benchmark_scene
from bench.playroom.world.scene import sample_scene


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scene").mkdir()
    scene = as_benchmark_scene("toys", sample_scene(np.random.default_rng(3), count=2), 128)
    Image.fromarray(scene.picture).save(tmp_path / "scene" / "img.png")
    (tmp_path / "words.txt").write_text(",".join(concept.label for concept in scene.concepts), encoding="utf-8")
    return "scene"


def test_its_help_names_the_models_and_states_the_rules(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    assert call("masks", "--help") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert all(f"{name}:" in shown for name in MODELS)
    assert f"at least {NEAR_BEST * 100:.0f} % of the best one" in shown
    assert "belongs to the smallest" in shown
    assert LEAST_KEPT < NEAR_BEST


def test_masks_of_a_playroom_picture_make_a_dataset(
    call: Callable[..., int], folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = Path("words.txt").read_text(encoding="utf-8")
    assert call("masks", folder, "--labels", labels, "--model", "playroom", "--device", "cpu") == 0
    printed = capsys.readouterr().out.split()
    assert printed[0] == str(Path(folder) / "masks-sheet.png")
    assert printed[-1] == str(Path(folder) / "mask1.png")
    assert call("build-dataset", "folder", "--folder", folder, "--size", "64", "--out", "data") == 0
    assert "1 scene," in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "sma"], "--model sma is not known; did you mean sam"),
        (["--labels", "cat,"], "--labels 'cat,': write class words with commas"),
        (["--model", "sam", "--points", "1"], "--points '1': write x,y in pixels"),
        (["--model", "sam", "--boxes", "1,2"], "--boxes '1,2': write left,top,right,bottom"),
        (["--model", "sam", "--points", "1,2", "--boxes", "1,2,3,4"], "give --points or --boxes, not both"),
        (["--model", "playroom", "--labels", "zebra"], "this model does not know 'zebra'"),
        (["--model", "playroom", "--labels", "ball", "--device", "tpu9"], "tpu9"),
        (["--threshold", "2"], "--threshold"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    call: Callable[..., int], arguments: list[str], message: str, folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("masks", folder, *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("bench: ")
    assert error.count("\n") == 1
