"""A run small enough for a test: two scenes, two pictures each, a method that learns one number."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.plugins.discovery import ENVIRONMENT, refresh

DATASET = "playroom[scenes=2,formats=1,mix=1,0,0,samples=1,pool=20]"
"""That of test_run.py."""
FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture
def drop_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the method `quick`, known to the engine."""
    yield add_quick(tmp_path / "mine", monkeypatch)
    monkeypatch.undo()
    refresh()


def add_quick(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Make a folder of drop-ins with the method `quick` and let the engine know it."""
    folder.mkdir()
    shutil.copy(FIXTURES / "quick.py", folder)
    patch.setenv(ENVIRONMENT, str(folder))
    refresh()
    return folder


@pytest.fixture
def bench(
    call: Callable[..., int], tmp_path: Path, drop_ins: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., int]:
    """Run the command line in an empty folder; returns its exit code."""
    monkeypatch.chdir(tmp_path)

    assert os.environ[ENVIRONMENT] == str(drop_ins)
    return call


@pytest.fixture(scope="session")
def finished_once(call: Callable[..., int], tmp_path_factory: pytest.TempPathFactory) -> Path:
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
