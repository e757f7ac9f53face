"""A full disk is not a method's failure: one line, and the same command goes on when there is space again."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors import SafetensorError

from bench.core.files import write_bytes
from bench.plugins.discovery import refresh

DATASET = "playroom[scenes=1,formats=1,mix=1,0,0,samples=1,pool=20]"
METHOD = '''
import errno
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Method:
    """Needs space of its own while it draws."""

    def fit(self, scene, context):
        if Path("full").exists():
            raise OSError(errno.ENOSPC, "No space left on device", "scratch")
        return {}

    def generate(self, state, scene, requests, context):
        return [np.zeros_like(scene.picture) for _ in requests]
'''


def test_the_same_command_goes_on(
    bench: Callable[..., int], drop_ins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (drop_ins / "large.py").write_text(METHOD)
    refresh()
    Path("full").touch()
    run = ("run", "--dataset", DATASET, "--name", "r", "--methods", "large")
    assert bench(*run) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("bench: ")]
    assert line == "bench: scratch: No space left on device; free some space, or name a folder on another disk"
    assert not Path("runs/r/failed").exists()
    Path("full").unlink()
    assert bench(*run) == 0


def test_nor_is_one_that_the_engine_fills(
    bench: Callable[..., int], drop_ins: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (drop_ins / "large.py").write_text(METHOD)
    refresh()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def saved(*_: object) -> None:
        monkeypatch.setattr("bench.core.files._sync", full)
        write_bytes(Path("runs/r/pictures/one.png"), b"one")

    monkeypatch.setattr("bench.run.execute._save_picture", saved)
    assert bench("run", "--dataset", DATASET, "--name", "r", "--methods", "large") == 2
    assert "cannot write runs/r/pictures/one.png: No space left on device" in capsys.readouterr().err
    assert not Path("runs/r/failed").exists()


def test_nor_is_one_that_a_fit_fills(
    bench: Callable[..., int], drop_ins: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (drop_ins / "large.py").write_text(METHOD)
    refresh()

    def full(*_: object) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    assert bench("run", "--dataset", DATASET, "--name", "r", "--methods", "large") == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("bench: ")]
    assert len(told) == 1
    assert "No space left on device" in told[0]
    assert not Path("runs/r/failed").exists()


@pytest.mark.parametrize("ends", [KeyboardInterrupt, OSError(errno.ENOSPC, "No space left on device")])
def test_the_fit_of_a_unit_that_could_not_be_recorded_is_still_there(
    bench: Callable[..., int], drop_ins: Path, monkeypatch: pytest.MonkeyPatch, ends: BaseException
) -> None:
    (drop_ins / "large.py").write_text(METHOD)
    refresh()

    def stop(*_: object) -> None:
        raise ends

    run = ("run", "--dataset", DATASET, "--name", "r", "--methods", "large")
    with monkeypatch.context() as patched:
        patched.setattr("bench.run.execute._record", stop)
        assert bench(*run) != 0
    assert [file.suffix for file in Path("runs/r/fits").iterdir()] == [".safetensors"]
    assert not next(Path("runs/r/fits").iterdir()).name.startswith(".")
    assert bench(*run) == 0
    assert not list(Path("runs/r/fits").iterdir())


def test_a_fit_that_was_put_aside_by_a_killed_command_is_removed(
    bench: Callable[..., int], drop_ins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (drop_ins / "large.py").write_text(METHOD)
    refresh()
    run = ("run", "--dataset", DATASET, "--name", "r", "--methods", "large")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", unlink_all_but_fits)
        assert bench(*run) == 0
    assert list(Path("runs/r/fits").iterdir())
    assert bench(*run) == 0
    assert not list(Path("runs/r/fits").iterdir())


def unlink_all_but_fits(path: Path, missing_ok: bool = False) -> None:
    """As if the command were killed right before a fit goes."""
    if path.parent.name != "fits":
        os.unlink(path) if path.exists() or not missing_ok else None  # noqa: PTH108
