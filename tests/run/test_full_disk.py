"""A full disk is not a method's failure: one line, and the same command goes on when there is space again."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

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
