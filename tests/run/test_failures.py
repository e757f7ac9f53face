"""The tracebacks of failed units: what they are called, and when they go; and what the progress bar says meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from rich.progress import TaskID

from bench.core import progress
from bench.plugins.discovery import refresh

RUN = ("run", "--dataset", "playroom[scenes=2,formats=1,mix=1,0,0,samples=1,pool=20]", "--name", "r", "--methods")
Bench = Callable[..., int]
BROKEN = '''
from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """Fails on every scene."""

    steps: int = 3

    def fit(self, scene, context):
        raise RuntimeError("broken")

    def generate(self, state, scene, requests, context):
        return ()
'''


@pytest.fixture
def broken(drop_ins: Path) -> Path:
    """The file of a method `broken`."""
    (drop_ins / "broken.py").write_text(BROKEN)
    refresh()
    return drop_ins / "broken.py"


def tracebacks() -> list[str]:
    return sorted(path.name for path in Path("runs/r/failed").glob("*"))


def test_a_traceback_is_called_after_method_and_scene(bench: Bench, broken: Path, finished: Path) -> None:
    assert bench(*RUN, "broken[steps=2]") == 1
    scenes = sorted(path.name for path in Path("runs/r/dataset/scenes").iterdir())
    names = tracebacks()
    assert [name.rpartition("-")[0] for name in names] == [f"broken-steps-2-on-{scene}" for scene in scenes]
    assert all(re.fullmatch("[0-9a-f]{12}", Path(name).stem.rpartition("-")[2]) for name in names)
    first, *_, last = (Path("runs/r/failed") / names[0]).read_text().splitlines()
    assert first == f"broken[steps=2] on {scenes[0]}"
    assert last == "RuntimeError: broken"


def test_the_tracebacks_of_a_method_that_was_mended_go(bench: Bench, broken: Path, finished: Path) -> None:
    quick = (broken.parent / "quick.py").read_text()
    assert bench(*RUN, "broken,broken[steps=2]", "--scenes", "1") == 1
    assert len(tracebacks()) == 2
    broken.write_text(quick.replace("shade: float", "steps: int = 3\n    shade: float"))
    refresh()
    assert bench(*RUN, "broken", "--limit", "1") == 0
    assert tracebacks() == []


def test_the_tracebacks_of_a_method_that_is_taken_out_go(bench: Bench, broken: Path, finished: Path) -> None:
    assert bench(*RUN, "broken,broken[steps=2]") == 1
    assert bench(*RUN[:-1], "--remove", "broken[steps=2]", "--dry-run") == 0
    assert len(tracebacks()) == 4
    assert bench(*RUN[:-1], "--remove", "broken[steps=2]") == 0
    assert [name.startswith("broken-on-") for name in tracebacks()] == [True, True]


class Watched(progress.PrintedProgress):
    """Keeps what bars showed in the end, and all that they said."""

    ends: ClassVar[list[tuple[str, float]]] = []
    said: ClassVar[list[str]] = []

    def update(self, task_id: TaskID, **changes: Any) -> None:
        self.said.append(changes.get("description") or "")
        super().update(task_id, **changes)

    def stop(self) -> None:
        self.ends.extend((task.description, task.percentage) for task in self.tasks)
        super().stop()


def test_the_bar_ends_at_its_end_when_units_fail_and_tells_display_names(
    bench: Bench, broken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PrintedProgress", Watched)
    assert bench(*RUN, "Mine=quick[shade=0.5],broken") == 1
    assert ("units", pytest.approx(100)) in Watched.ends
    assert any(told.startswith("Mine · ") and "fit" in told for told in Watched.said)
    assert any(told.startswith("scoring Mine · ") for told in Watched.said)
    assert not any("quick[" in told for told in Watched.said)
