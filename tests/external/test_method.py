"""The protocol with other programs, proven with a stand-in: what it is told, what it gives, and every way to fail."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from bench.core.errors import UserError
from bench.core.scenes import Dataset, ImageArray, Prompt, Scene
from bench.external import program
from bench.external.program import ProgramError
from bench.plugins.method import MethodContext, Request
from bench.plugins.spec import Configured, configure
from bench.run.plan import Conditions, make_plan

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-in's interpreter is a shell script")

Make = Callable[..., Any]
Bench = Callable[..., MethodContext]


def asked(scene: Scene, count: int = 3) -> list[Request]:
    return [Request(replace(scene.prompts[0], sample=number), 2**40 + number) for number in range(count)]


def drawn(method: Any, scene: Scene, context: Bench, count: int = 3) -> list[ImageArray]:
    return list(method.generate({}, scene, asked(scene, count), context()))


@pytest.mark.parametrize("verb", ["fit", "generate"])
def test_the_backbone_is_moved_away_before_the_program_starts(
    verb: str, stand_in: Make, learner: type, scene: Scene, context: Bench, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_file({"word": torch.ones(2)}, home / "words.safetensors")
    own, seen = context(), []
    monkeypatch.setattr(own.backbone, "move_away", lambda: seen.append("away"), raising=False)
    start = program.started
    monkeypatch.setattr("bench.external.method.started", lambda *told: seen.append("started") or start(*told))
    method = stand_in(learner)
    drawn = method.fit(scene, own) if verb == "fit" else list(method.generate({}, scene, asked(scene, 1), own))
    assert len(drawn) == 1
    assert seen == ["away", "started"]


def test_the_program_gets_the_scene_and_the_wishes_and_its_pictures_come_back(
    stand_in: Make, scene: Scene, context: Bench, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_TOKEN", "WANDB_API_KEY", "PYTHONPATH", "MY_SECRET", "HF_HOME", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "x")
    pictures = drawn(stand_in(), scene, context)
    # the stand-in paints the seed, cut to 32 bits, and the number of concepts
    assert [tuple(picture[0, 0]) for picture in pictures] == [(0, 2, 9), (1, 2, 9), (2, 2, 9)]
    assert {(picture.shape, picture.dtype) for picture in pictures} == {((24, 24, 3), np.dtype(np.uint8))}
    seen = json.loads((home / "seen.json").read_text())
    assert seen["protocol"] == 1
    assert seen["settings"] == {"behaviour": "well"}
    assert seen["home"] == str(home)
    assert seen["side"] == 24
    assert not {"HF_TOKEN", "WANDB_API_KEY", "PYTHONPATH", "MY_SECRET"} & set(seen["environment"])
    assert {"PATH", "HF_HOME", "CUDA_VISIBLE_DEVICES"} <= set(seen["environment"])
    assert [concept["label"] for concept in seen["scene"]["concepts"]] == ["cat", "umbrella"]
    assert seen["pictures"][1] == {
        "file": "out/00001.png",
        "text": "a photo of a cat and an umbrella at the beach",
        "text_with_handles": "a photo of [v1] and [v2] at the beach",
        "text_of_background": "a photo at the beach",
        "template": "a photo of {tokens} at the beach",
        "subset": [0, 1],
        "sample": 1,
        "seed": 2**40 % 2**32 + 1,
    }


def test_pictures_and_masks_of_the_scene_are_files(
    stand_in: Make, scene: Scene, context: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = stand_in()
    method._write_request(tmp_path, "generate", scene, context(), asked(scene))
    content = json.loads((tmp_path / "request.json").read_text())["scene"]
    assert np.array_equal(np.asarray(Image.open(tmp_path / content["pictures"][0])), scene.picture)
    for concept, told in zip(scene.concepts, content["concepts"], strict=True):
        assert np.array_equal(np.asarray(Image.open(tmp_path / told["mask"])), concept.mask * np.uint8(255))


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (
            "crash",
            "it ended with exit code 3 after 1 picture, without out/00001.png; "
            "it said: torch.OutOfMemoryError: 80 GiB are not enough",
        ),
        ("too few", "it ended with exit code 0 after 1 picture, without out/00001.png; it said: loading"),
        ("too many", "it wrote 1 file that nobody asked for (out/99999.png)"),
        ("too large", "out/00000.png is 48 x 48 pixels, 24 x 24 were asked for"),
        ("no picture", "out/00000.png is not a whole picture"),
    ],
)
def test_a_failing_program_is_told_in_one_line_with_what_it_said(
    behaviour: str, message: str, stand_in: Make, scene: Scene, context: Bench
) -> None:
    with pytest.raises(ProgramError) as error:
        drawn(stand_in(behaviour=behaviour), scene, context)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert "loading" in error.value.__notes__[0]


def test_pictures_from_before_a_crash_are_kept(stand_in: Make, scene: Scene, context: Bench) -> None:
    pictures = stand_in(behaviour="crash").generate({}, scene, asked(scene), context())
    assert next(pictures).shape == (24, 24, 3)
    with pytest.raises(ProgramError):
        next(pictures)


def test_a_silent_program_is_stopped_with_all_it_started(
    stand_in: Make, scene: Scene, context: Bench, home: Path
) -> None:
    pictures = stand_in(behaviour="hang", minutes=0.1).generate({}, scene, asked(scene), context())
    next(pictures)
    with pytest.raises(ProgramError, match=r"no picture and no end for 0\.1 minutes, so it was stopped"):
        next(pictures)
    assert is_gone(int((home / "child").read_text()))


def test_a_program_nobody_waits_for_is_stopped(stand_in: Make, scene: Scene, context: Bench, home: Path) -> None:
    pictures = stand_in(behaviour="hang").generate({}, scene, asked(scene), context())
    next(pictures)
    deadline = time.monotonic() + 60
    while not (home / "child").is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    pictures.close()
    assert is_gone(int((home / "child").read_text()))


def test_a_program_that_dies_leaves_nothing_running(stand_in: Make, scene: Scene, context: Bench, home: Path) -> None:
    with pytest.raises(ProgramError, match="exit code 9"):
        drawn(stand_in(behaviour="orphan"), scene, context)
    assert is_gone(int((home / "child").read_text()))


def is_gone(process: int) -> bool:
    """Whether a process has ended, or does within seconds; one that no parent collects is a zombie."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                time.sleep(0.05)
                continue
        return True
    return False


def test_what_a_fit_leaves_is_given_back_to_generate(
    stand_in: Make, learner: type[Any], scene: Scene, context: Bench, home: Path
) -> None:
    words = {"cat.word": torch.arange(4.0), "scale": torch.ones(1)}
    save_file(words, home / "words.safetensors")
    method = stand_in(learner)
    state = method.fit(scene, context())
    assert {name: tensor.tolist() for name, tensor in state.items()} == {
        "words/cat.word": [0, 1, 2, 3],
        "words/scale": [1],
    }
    assert len(list(method.generate(state, scene, asked(scene), context()))) == 3
    assert json.loads((home / "seen.json").read_text())["learned_files"] == ["words.safetensors"]


def test_a_fit_that_leaves_nothing_has_failed(stand_in: Make, learner: type[Any], scene: Scene, context: Bench) -> None:
    with pytest.raises(ProgramError, match="left no safetensors file"):
        stand_in(learner, behaviour="nothing learned").fit(scene, context())


def test_what_is_missing_is_named_with_the_way_to_get_it(
    stand_in: Make, scene: Scene, context: Bench, home: Path
) -> None:
    (home / "weights.pt").unlink()
    assert stand_in().missing_requirements() == f"{home} lacks weights.pt (from its authors)"
    for verb in (stand_in().fingerprint, lambda: stand_in().fit(scene, context())):
        with pytest.raises(UserError, match=r"lacks weights\.pt"):
            verb()


def test_an_interpreter_that_does_not_start(stand_in: Make, scene: Scene, context: Bench, home: Path) -> None:
    (home / "env/bin/python").chmod(0o644)
    with pytest.raises(ProgramError, match=r"cannot start .*env/bin/python: Permission denied"):
        drawn(stand_in(), scene, context)


def test_an_empty_mask_is_refused(stand_in: Make, scene: Scene, context: Bench) -> None:
    blank = replace(scene.concepts[0], mask=np.zeros((32, 32), bool))
    with pytest.raises(UserError, match="the mask of 'cat' is empty"):
        stand_in().fit(replace(scene, concepts=(blank,)), context())


def test_checkpoints_code_and_settings_make_the_identity_and_places_do_not(
    stand_in: Make, scene: Scene, home: Path, tmp_path: Path
) -> None:
    def identity(method: Any) -> str:
        base = configure("methods", "base-model").drop_in
        dataset = Dataset("d", (replace(scene, prompts=(Prompt("a photo of {tokens}", (0,)),)),))
        conditions = Conditions("sha256:abc", "fp32", {"steps": 1.0}, 20, 4.0, seed=0)
        return make_plan(dataset, (Configured("stand-in", base, method),), conditions)[0].key

    first = identity(stand_in())
    assert identity(stand_in(minutes=9.0)) == first
    assert identity(stand_in(behaviour="crash")) != first
    elsewhere = home.rename(tmp_path / "elsewhere")
    assert identity(replace(stand_in(), home=elsewhere)) == first
    (elsewhere / "weights.pt").write_bytes(b"other weights")
    changed = identity(replace(stand_in(), home=elsewhere))
    assert changed != first
    (elsewhere / "code").mkdir()
    (elsewhere / "code" / "model.py").write_text("x = 1")
    assert identity(replace(stand_in(), home=elsewhere)) not in (first, changed)


@pytest.mark.parametrize("name", ["elite", "realfill"])
def test_without_its_program_a_built_in_method_says_what_to_get_in_one_line(
    name: str, scene: Scene, context: Bench, tmp_path: Path
) -> None:
    method = configure("methods", f"{name}[home={tmp_path}]").instance
    for verb in (method.fingerprint, lambda: method.fit(scene, context())):
        with pytest.raises(UserError) as error:
            verb()
        assert str(error.value).startswith(f"{tmp_path} lacks code/")
        assert "git clone https://github.com/" in str(error.value)
        assert "\n" not in str(error.value)
