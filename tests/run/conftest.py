"""A run small enough for a test: two scenes, two pictures each, a method that learns one number."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.cli.main import main
from bench.plugins.discovery import ENVIRONMENT, refresh

QUICK_METHOD = '''
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Method:
    """Paints the mean colour of the scene, with noise from the picture's seed."""

    shade: float = 1.0

    def fit(self, scene, workbench):
        workbench.on_step(1, 1)
        return {"mean": torch.tensor(scene.picture.mean() * self.shade)}

    def generate(self, state, scene, requests, workbench):
        for request in requests:
            noise = np.random.default_rng(request.noise_seed).integers(0, 20, scene.picture.shape)
            yield (state["mean"].item() + noise).clip(0, 255).astype(np.uint8)
'''


@pytest.fixture
def drop_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the method `quick`, known to the engine."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "quick.py").write_text(QUICK_METHOD)
    monkeypatch.setenv(ENVIRONMENT, str(folder))
    refresh()
    yield folder
    monkeypatch.undo()
    refresh()


@pytest.fixture
def bench(tmp_path: Path, drop_ins: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the command line in an empty folder; returns its exit code."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> int:
        with pytest.raises(SystemExit) as exit_:
            main(arguments)
        assert isinstance(exit_.value.code, int)
        return exit_.value.code

    assert os.environ[ENVIRONMENT] == str(drop_ins)
    return call
