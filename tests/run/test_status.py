"""`bench status`: how far a run is, told from its files alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.run.folder import RunFolder
from bench.run.lock import hold, holder_file
from bench.run.status import Activity, read_status, record_activity

Bench = Callable[..., int]


def snapshot(run: Path) -> dict[Path, int]:
    return {path: path.lstat().st_mtime_ns for path in run.rglob("*")}


def test_a_finished_run_is_done_and_nobody_holds_it(
    bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshot(finished)
    assert bench("status", str(finished)) == 0
    assert capsys.readouterr().out.splitlines() == [
        "runs/r: 2 of 2 units done, 0 failed, 0 in work, 0 to do",
        "no process works on it; the command that it was started with goes on",
    ]
    assert snapshot(finished) == before


def test_done_failed_and_to_do_are_counted(finished: Path) -> None:
    folder = RunFolder(finished)
    first, second = sorted(finished.glob("units/*.json"))
    first.unlink()
    assert (read_status(folder).done, read_status(folder).todo) == (1, 1)
    asked = json.loads(folder.asked.read_text())["units"]
    folder.failures.mkdir()
    (folder.failures / next(one["failure"] for one in asked if one["unit"] == first.stem)).write_text("Traceback")
    second.unlink()
    found = read_status(folder)
    assert (found.done, found.failed, found.todo, found.units) == (0, 1, 1, 2)


def test_a_run_at_work_tells_its_rate_and_the_time_left(finished: Path) -> None:
    folder = RunFolder(finished)
    first, second = sorted(finished.glob("units/*.json"))
    first.unlink()
    with hold(finished):
        now = time.time()
        os.utime(second, (now, now))
        record_activity(folder, Activity("fitting and drawing", now - 60, {"1": "quick · a"}))
        found = read_status(folder)
    assert found.alive is True
    assert f"process {os.getpid()} " in found.holder
    assert found.activity is not None
    assert found.activity.work == {"1": "quick · a"}
    assert found.units_per_hour == pytest.approx(60, rel=0.1)
    assert found.minutes_left == pytest.approx(1, rel=0.1)  # of the same method as the one that took a minute
    assert read_status(folder).activity is None


def test_a_holder_that_was_killed_holds_nothing(finished: Path) -> None:
    code = (
        "from pathlib import Path; from bench.run.lock import hold; import os\n"
        f"with hold(Path({str(finished)!r})): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert holder_file(finished).is_file()
    assert read_status(RunFolder(finished)).alive is False


def test_another_machines_holder_cannot_be_judged(finished: Path) -> None:
    holder_file(finished).write_text("process 1 on another-machine (bench run, since 2026)")
    assert read_status(RunFolder(finished)).alive is None


def test_a_run_that_does_not_say_what_it_was_asked_for(finished: Path) -> None:
    (finished / "asked.json").unlink()
    with pytest.raises(UserError, match="start it once more"):
        read_status(RunFolder(finished))
