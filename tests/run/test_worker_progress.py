"""Progress of several workers in a log: how many tasks of all are done, whichever worker did them."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest
from rich.console import Console

from bench.core import progress
from bench.run.dispatch import Task
from bench.run.worker_progress import worker_bars


def test_a_log_tells_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(progress, "console", Console(file=shown))
    monkeypatch.setattr(progress, "OFTEN", 0.0)
    monkeypatch.setattr(progress, "BRIEF", 0.0)
    tasks = [Task(name, name, cost, lambda: ()) for name, cost in (("a", 1.0), ("b", 3.0))]
    worked: list[Mapping[str, str]] = []
    with worker_bars(
        "fitting and drawing", [task.cost for task in tasks], lambda work: worked.append(dict(work))
    ) as bars:
        for worker, task in zip("12", tasks, strict=True):
            bars.begin(worker, task)
        for worker, task in zip("12", tasks, strict=True):
            bars.end(worker, task)
    first, last = shown.getvalue().splitlines()
    assert first.startswith("fitting and drawing: 1 of 2 (25 %)")
    assert last.startswith("fitting and drawing: 2 of 2 in ")
    assert worked == [{"1": "a"}, {"1": "a", "2": "b"}, {"2": "b"}, {}]
