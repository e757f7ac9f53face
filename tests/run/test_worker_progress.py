"""Progress of several workers in a log: how many tasks of all are done, whichever worker did them."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from bench.core import progress
from bench.run.forecast import Forecast, WorkItem, WorkLeft
from bench.run.worker_progress import worker_bars


def test_a_log_tells_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(progress, "console", Console(file=shown))
    monkeypatch.setattr(progress, "OFTEN", 0.0)
    monkeypatch.setattr(progress, "BRIEF", 0.0)
    jobs = {name: WorkItem("m", {"draw": pieces}) for name, pieces in (("a", 1.0), ("b", 3.0))}
    worked: list[list[tuple[str, str]]] = []
    left = WorkLeft(jobs, Forecast({("m", "draw"): 1.0}))
    on_change = lambda work, _left: worked.append([(worker, one.what) for worker, one in work.items()])  # noqa: E731
    with worker_bars("fitting and drawing", left, on_change, workers=2) as bars:
        for worker, job in zip("12", "ab", strict=True):
            bars.begin(worker, job, f"the job {job}")
        for worker, job in zip("12", "ab", strict=True):
            bars.end(worker, job)
    lines = shown.getvalue().splitlines()
    assert [line for line in lines if line.startswith("fitting and drawing: 1 of 2 (25 %)")]
    assert lines[-1].startswith("fitting and drawing: 2 of 2 in ")
    assert worked == [[("1", "the job a")], [("1", "the job a"), ("2", "the job b")], [("2", "the job b")], []]
