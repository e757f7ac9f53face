"""`bench status`: how far a run is, told from its files alone."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.reporting.command import next_command
from bench.run.folder import RunFolder
from bench.run.lock import hold, holder_file
from bench.run.settings import Settings, Start
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
        "complete; report: runs/r/report/pareto/pareto.html",
    ]
    assert snapshot(finished) == before
    shutil.rmtree(finished / "report")
    assert bench("status", str(finished)) == 0
    assert capsys.readouterr().out.endswith("complete; next: bench report runs/r\n")


def test_a_stopped_run_tells_how_it_goes_on(
    bench: Bench, finished: Path, drop_ins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    next(finished.glob("units/*.json")).unlink()
    assert bench("status", str(finished)) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "stopped; to go on: bench run --path mine --name r"
    assert bench("run", "--path", "mine", "--name", "r") == 0
    assert bench("status", str(finished)) == 0
    assert "complete; report" in capsys.readouterr().out


def test_the_next_command_names_the_part_that_was_asked_for() -> None:
    settings = Settings("d", "0", "b", None, "f", "fp32", "full", 1, 1.0, 0, "p", ("quick", "real"))
    part = Start(("quick",), scenes="2", shard="1/3", paths=("mine",))
    words = ["bench", "run", "--path", "mine", "--runs", "big/runs", "--name", "x", "--methods", "quick"]
    told = next_command(RunFolder(Path("big/runs/x-1-of-3")), dataclasses.replace(settings, starts=(part,)))
    assert told == shlex.join([*words, "--scenes", "2", "--shard", "1/3"])


def test_a_run_whose_dataset_is_being_built_is_being_prepared(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with hold(Path("runs/new")):
        assert bench("status", "runs/new") == 0
    assert "runs/new: being prepared, nothing is fitted yet; held by process" in capsys.readouterr().out
    assert bench("status", "runs/new") == 2


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
