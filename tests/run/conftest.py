"""A run small enough for a test: two scenes, two pictures each, a method that learns one number."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.cli.main import main
from bench.plugins.discovery import ENVIRONMENT, refresh

DATASET = "playroom[scenes=2,formats=1,mix=1,0,0,samples=1,pool=20]"
"""That of test_run.py."""
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
    yield add_quick(tmp_path / "mine", monkeypatch)
    monkeypatch.undo()
    refresh()


def add_quick(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Make a folder of drop-ins with the method `quick` and let the engine know it."""
    folder.mkdir()
    (folder / "quick.py").write_text(QUICK_METHOD)
    patch.setenv(ENVIRONMENT, str(folder))
    refresh()
    return folder


@pytest.fixture
def bench(tmp_path: Path, drop_ins: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the command line in an empty folder; returns its exit code."""
    monkeypatch.chdir(tmp_path)

    assert os.environ[ENVIRONMENT] == str(drop_ins)
    return call


def call(*arguments: str) -> int:
    """Run the command line in this process; returns its exit code."""
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert isinstance(exit_.value.code, int)
    return exit_.value.code


@pytest.fixture(scope="session")
def finished_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `runs` with the finished run `r` of `quick`."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        add_quick(folder / "mine", patch)
        patch.chdir(folder)
        assert call("run", "--dataset", DATASET, "--name", "r", "--methods", "quick") == 0
    refresh()
    return folder / "runs"


@pytest.fixture
def finished(bench: Callable[..., int], finished_once: Path, tmp_path: Path) -> Path:
    """The finished run `r` of `quick`, in the folder where the command line runs."""
    shutil.copytree(finished_once, tmp_path / "runs")
    return Path("runs/r")
