"""`bench status`: how far a run is, told from its files alone."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.core import progress
from bench.core.errors import UserError
from bench.plugins.discovery import refresh
from bench.reporting.command import next_command
from bench.run import status, worker_progress
from bench.run.folder import RunFolder
from bench.run.lock import hold, holder_file
from bench.run.settings import Settings, Start
from bench.run.status import Activity, read_status, record_activity

from .conftest import DATASET

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


STEPWISE = '''
import time
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Method:
    """Learns nothing, of two scenes together, in steps."""

    fits_together = True

    def fit(self, scene, context):
        return {"mean": torch.zeros(1)}

    def begin_fits(self, scenes, contexts):
        for step in range(1, 11):
            time.sleep(0.05)
            for context in contexts:
                context.on_step(step, 20)
        return [{"mean": torch.zeros(1)} for _ in scenes]

    def end_fit(self, begun, scene, context):
        for step in range(11, 21):
            time.sleep(0.02)
            context.on_step(step, 20)
        return begun

    def generate(self, state, scene, requests, context):
        for request in requests:
            yield np.zeros(scene.picture.shape, np.uint8)
'''
STEP = re.compile(r"units: 0 of 2 \((\d+) %\)(, about .* left)? · stepwise · 2 scenes · fit (\d+)/20")


@pytest.fixture
def stepwise(drop_ins: Path) -> None:
    """The method `stepwise`, whose fits of two scenes are begun together."""
    (drop_ins / "stepwise.py").write_text(STEPWISE)
    refresh()


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Activity]:
    """Every activity that a start records: all that it could."""
    found: list[Activity] = []
    monkeypatch.setattr(status, "_EVERY", -1.0)
    monkeypatch.setattr(status, "record_activity", lambda _folder, activity: found.append(activity))
    return found


@pytest.mark.usefixtures("stepwise")
def test_the_common_fit_of_a_cohort_is_told_step_by_step(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, recorded: list[Activity]
) -> None:
    monkeypatch.setattr(progress, "OFTEN", 0.0)
    monkeypatch.setattr(progress, "PART", 0.0)
    monkeypatch.setattr(worker_progress, "_EVERY", 0.0)
    assert bench("run", "--dataset", DATASET, "--name", "s", "--methods", "stepwise") == 0
    told = [match for line in capsys.readouterr().err.splitlines() if (match := STEP.match(line))]
    shares = [int(match[1]) for match in told]
    assert shares == sorted(shares)
    assert len(set(shares)) >= 3, "it advances while no unit is done"
    assert any(match[2] for match in told), "with the time left"
    together = [one for one in recorded if "2 scenes" in "".join(one.work.values())]
    assert {one.units_in_work for one in together[1:]} == {2}
    assert together[-1].left is not None
    alone = [one for one in recorded if "fit 15/20" in "".join(one.work.values())]
    assert {one.units_in_work for one in alone} == {1}


def test_a_long_fit_is_told_from_another_terminal(
    bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(finished)
    for unit in finished.glob("units/*.json"):
        unit.unlink()
    with hold(finished):
        now = time.time()
        work = {"1": "ours · 2 scenes · fit 45/160"}
        activity = Activity("fitting and drawing", now - 3600, work, {"1": now - 1200}, {"1": 2}, 600.0, now)
        record_activity(folder, activity)
        assert bench("status", str(finished)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "runs/r: 0 of 2 units done, 0 failed, 2 in work, 0 to do",
        "about 10 minutes left",
        "fitting and drawing, for 60 minutes so far",
        "  1: ours · 2 scenes · fit 45/160, for 20 minutes",
    ]


def test_a_start_that_is_silent_for_long_is_told_to_be(
    bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with hold(finished):
        now = time.time()
        activity = Activity("fitting and drawing", now - 900, {"1": "a"}, {"1": now - 900}, {"1": 1}, None, now - 900)
        record_activity(RunFolder(finished), activity)
        assert bench("status", str(finished)) == 0
    assert "nothing was heard for 15 minutes" in capsys.readouterr().out
