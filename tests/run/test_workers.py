"""Runs on several workers, by Ray on this machine: they come to what one process comes to, also if some are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from PIL import Image

from bench.core.errors import UserError
from bench.plugins.discovery import refresh
from bench.run import worker_options
from bench.run.ray_local import sweep_ray
from bench.run.worker_options import WorkerOptions, default_threads, plan_workers

from .conftest import DATASET

Bench = Callable[..., int]
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray (the extra `ray`) is not installed")
RUN = ("run", "--dataset", DATASET, "--sampling-steps", "1", "--threads", "1", "--name")
SLEEPY = """            time.sleep(random.random() / 5)
            yield"""


def write_methods(folder: Path) -> None:
    """`sleepy`, which takes a random time; `mortal`, which kills its worker the first time; `deadly`, every time."""
    quick = (
        (folder / "quick.py")
        .read_text()
        .replace("import numpy", "import os\nimport random\nimport time\nfrom pathlib import Path\n\nimport numpy")
    )
    sleepy = quick.replace("            yield", SLEEPY)
    (folder / "sleepy.py").write_text(sleepy)
    kill = f"os.kill(os.getpid(), {signal.SIGKILL:d})"
    mark = f"Path({str(folder)!r}) / f'.killed-{{requests[0].noise_seed}}'"
    once = f"mark = {mark}\n        if not mark.exists():\n            mark.touch()\n            {kill}\n        "
    (folder / "mortal.py").write_text(sleepy.replace("for request in requests", f"{once}for request in requests"))
    (folder / "deadly.py").write_text(
        sleepy.replace("for request in requests", f"{kill}\n        for request in requests")
    )
    refresh()


def table(run: str) -> pd.DataFrame:
    frame = pd.read_parquet(f"runs/{run}/scores.parquet")
    return frame[[column for column in frame if not column.startswith("cost_")]]


def pixels(run: str) -> dict[str, bytes]:
    return {file.name: np.asarray(Image.open(file)).tobytes() for file in Path(f"runs/{run}/pictures").glob("*.png")}


def losses(run: str) -> dict[str, list[str]]:
    """By unit, the phases and steps whose losses it has, in order."""
    files = Path(f"runs/{run}/losses").glob("*.csv")
    return {file.stem: [",".join(line.split(",")[:2]) for line in file.read_text().splitlines()] for file in files}


def assert_same(run: str, other: str) -> None:
    assert pixels(run) == pixels(other)
    pd.testing.assert_frame_equal(table(run), table(other), check_exact=True)


@needs_ray
def test_two_workers_of_which_one_is_killed_come_to_what_one_process_comes_to(
    bench: Bench, drop_ins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_methods(drop_ins)
    asked = ("--methods", "base-model,sleepy,mortal", "--scenes", "1")
    assert bench(*RUN, "two", "--workers", "2", *asked) == 0
    assert "its worker ended (it was killed, or crashed); done again" in capsys.readouterr().err
    assert bench(*RUN, "one", *asked) == 0
    assert_same("two", "one")


@needs_ray
def test_cohorts_on_two_workers_come_to_what_one_process_comes_to(bench: Bench) -> None:
    """Bit for bit, also of what an earlier start began here and left to the workers."""
    asked = ("--methods", "ti-m[steps=4],ours[phase1_steps=2,phase2_steps=2]", "--cohort", "2")
    assert bench(*RUN, "one", *asked) == 0
    assert bench(*RUN, "two", *asked, "--limit", "1") == 0
    assert len(list(Path("runs/two/begun").iterdir())) == 1
    assert bench(*RUN, "two", *asked, "--workers", "2") == 0
    assert_same("two", "one")
    assert losses("two") == losses("one")
    for run in ("one", "two"):
        assert list(Path(f"runs/{run}/begun").iterdir()) == []


CHOOSY = """    fits_together = True

    def begin_fits(self, scenes, contexts):
        return [RuntimeError("not this one"), *(self.fit(*each) for each in list(zip(scenes, contexts))[1:])]

    def end_fit(self, begun, scene, context):
        return begun

    def fit("""


@needs_ray
@pytest.mark.cluster
def test_a_scene_that_cannot_be_begun_fails_alone(
    bench: Bench, drop_ins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (drop_ins / "choosy.py").write_text((drop_ins / "quick.py").read_text().replace("    def fit(", CHOOSY))
    refresh()
    assert bench(*RUN, "r", "--workers", "2", "--methods", "choosy,quick") == 1
    assert "failed: RuntimeError: not this one" in capsys.readouterr().err
    (failure,) = Path("runs/r/failed").iterdir()
    assert failure.name.startswith("choosy-on-")
    assert len(list(Path("runs/r/units").iterdir())) == 3
    assert list(Path("runs/r/begun").iterdir()) == []


@needs_ray
@pytest.mark.cluster
def test_a_unit_that_ends_three_workers_is_failed_and_hides_no_other(bench: Bench, drop_ins: Path) -> None:
    write_methods(drop_ins)
    assert bench(*RUN, "r", "--workers", "2", "--methods", "deadly,sleepy", "--scenes", "1") == 1
    assert "3 workers ended with it: it was killed, or crashed" in next(Path("runs/r/failed").iterdir()).read_text()
    assert len(list(Path("runs/r/units").glob("*.json"))) == 1


@needs_ray
@pytest.mark.cluster
@pytest.mark.parametrize("workers", ["1", "2", "3"])
def test_any_number_of_workers_in_any_order_comes_to_the_same(workers: str, bench: Bench, drop_ins: Path) -> None:
    write_methods(drop_ins)
    methods = "base-model,sleepy,ours[phase1_steps=2,phase2_steps=2],real,other-scene"
    assert bench(*RUN, "one", "--methods", methods) == 0
    assert bench(*RUN, "many", "--methods", methods, "--workers", workers) == 0
    assert_same("many", "one")


@pytest.fixture
def cluster() -> Iterator[str]:
    """A process with a local Ray cluster, its first line of output is the processes' numbers."""
    yield (
        "import os, time, psutil\nfrom bench.run.ray_local import local_ray\n"
        "with local_ray(1, 0) as ray:\n"
        "    print(os.getpid(), *(one.pid for one in psutil.Process().children(recursive=True)), flush=True)\n"
        "    time.sleep(60)"
    )
    sweep_ray()


def started(code: str) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, [psutil.Process(int(word)) for word in process.stdout.readline().split()[1:]]


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@needs_ray
def test_a_local_cluster_listens_on_the_loopback_alone_and_is_swept_after_a_kill(cluster: str) -> None:
    process, processes = started(cluster)
    with process:
        sockets = [
            socket for one in [psutil.Process(process.pid), *processes] for socket in one.net_connections("inet")
        ]
        listening = {
            socket.laddr.ip.removeprefix("::ffff:") for socket in sockets if socket.status == psutil.CONN_LISTEN
        }
        assert listening == {"127.0.0.1"}
        process.kill()
    assert alive(processes)
    sweep_ray()
    deadline = time.monotonic() + 10
    while alive(processes) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert alive(processes) == []
    assert list(Path("/tmp").glob(f"scenebench-{process.pid}-ray")) == []


@needs_ray
@pytest.mark.cluster
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_everything_within_five_seconds(stop: signal.Signals, bench: Bench, drop_ins: Path) -> None:
    text = (drop_ins / "quick.py").read_text().replace("import numpy", "import time\n\nimport numpy")
    (drop_ins / "slow.py").write_text(
        text.replace("            yield", "            time.sleep(60)\n            yield")
    )
    command = [sys.executable, "-m", "bench.cli.main", *RUN, "r", "--workers", "2", "--methods", "slow"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ}) as process:
        activity, deadline = Path("runs/r/.activity.json"), time.monotonic() + 200
        while time.monotonic() < deadline and not (activity.is_file() and "slow" in activity.read_text()):
            time.sleep(0.1)
        children = psutil.Process(process.pid).children(recursive=True)
        began = time.monotonic()
        process.send_signal(stop)
        _, error = process.communicate(timeout=60)
    assert time.monotonic() - began < 5
    assert process.returncode == 130
    assert "the same command goes on from here" in error
    assert alive(children) == []


def test_workers_need_no_ray_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(worker_options, "is_installed", lambda: False)
    assert plan_workers(WorkerOptions(), "cpu", 1, 10**6) is None
    assert plan_workers(WorkerOptions(workers="auto"), "cpu", 1, 10**6) is None
    assert capsys.readouterr().err.startswith("one worker: for more, install the extra `ray`")
    with pytest.raises(UserError, match="several workers need Ray"):
        plan_workers(WorkerOptions(workers="2"), "cpu", 1, 10**6)


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5", ""])
def test_what_is_no_number_of_workers_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="give a number from 1, or auto"):
        WorkerOptions(workers=text)


def test_auto_is_a_worker_per_core_or_per_share_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("is_installed", True), ("cores", 8), ("gpus_here", 4)):
        monkeypatch.setattr(worker_options, name, lambda value=value: value)
    monkeypatch.setattr(worker_options, "_within_memory", lambda count, memory: count)

    def count(options: WorkerOptions, kind: str, threads: int) -> int:
        plan = plan_workers(options, kind, threads, 10**6)
        assert plan is not None
        return plan.count

    auto = WorkerOptions(workers="auto")
    assert (count(auto, "cpu", 1), count(auto, "cpu", 4), count(auto, "cuda", 0)) == (8, 2, 4)
    assert count(WorkerOptions(workers="auto", gpus_per_worker=0.5), "cuda", 0) == 8
    assert count(WorkerOptions(workers="3"), "cpu", 1) == 3


def test_a_small_backbone_takes_one_thread_whatever_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_options, "cores", lambda: 8)
    assert default_threads("cpu", 20 * 2**20) == 1
    assert default_threads("cpu", 4 * 2**30) == 8
    assert default_threads("cuda", 4 * 2**30) == 0


@needs_ray
@pytest.mark.cluster
def test_the_timings_of_workers_run() -> None:
    script = Path(__file__).parents[1] / "perf" / "bench_workers.py"
    small = ("--units", "20", "--workers", "2", "--seconds", "0.05", "--pictures", "40")
    done = subprocess.run([sys.executable, str(script), *small], capture_output=True, text=True, check=True)
    rate, busy = done.stdout.splitlines()
    assert int(rate.split()[0]) > 0
    assert 0 < float(busy.split(" were busy for ")[1].split("%")[0]) <= 100
