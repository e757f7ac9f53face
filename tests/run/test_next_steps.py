"""What a command says that cannot go on: the cause, and the next step."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from bench.plugins.discovery import ENVIRONMENT, refresh
from bench.run.lock import hold
from bench.tune import engine

from .conftest import DATASET

Bench = Callable[..., int]


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of an error."""
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def test_a_run_at_work_is_not_compared(bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (finished / "scores.parquet").unlink()
    next(finished.glob("units/*.json")).unlink()
    with hold(finished):
        assert bench("compare", "runs/r", "runs/r") == 2
    assert "runs/r has no scores.parquet yet: it is still at work, 1 of 2 units done; `bench status runs/r`" in told(
        capsys
    )


def test_a_stopped_run_that_is_compared_says_how_it_goes_on(
    bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (finished / "scores.parquet").unlink()
    assert bench("compare", "runs/r", "runs/r") == 2
    assert "score it first: bench score runs/r" in told(capsys)
    next(finished.glob("units/*.json")).unlink()
    assert bench("compare", "runs/r", "runs/r") == 2
    assert "it was stopped, 1 of 2 units done; go on with: bench run --path mine --name r" in told(capsys)


def test_a_misspelt_folder_of_pictures_is_told_before_names_are_compared(
    bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("run", "--name", "r", "--methods", "Mine=quick") == 0
    capsys.readouterr()
    Path("pictures").mkdir()
    assert bench("run", "--name", "r", "--methods", "Mine=import[from=picturs]") == 2
    line = told(capsys)
    assert "import[from=picturs]: there is no such folder or CSV; did you mean pictures?" in line
    assert finished.is_dir()


@pytest.mark.parametrize(
    "command",
    [
        ("run", "--name", "r", "--methods", "quick,real"),
        ("run", "--name", "r", "--metrics", "playroom,brightness"),
        ("run", "--name", "r"),
        ("score", "runs/r"),
        ("score", "runs/r", "--metrics", "brightness"),
        ("report", "runs/r"),
        ("tune", "--name", "r", "--methods", "quick"),
    ],
)
@pytest.mark.usefixtures("finished")
def test_the_folder_of_drop_ins_is_named_where_it_is_left_out(
    bench: Bench, command: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ENVIRONMENT)
    refresh()
    assert bench(*command) == 2
    assert "runs/r was started with quick from --path mine: add `--path mine`" in told(capsys)


def test_a_dry_run_tells_the_steps_of_each_method_under_the_budget(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.cli.preview.console", Console(width=200))
    methods = "ours,Mine=ours[phase1_steps=0,phase2_steps=10],ti-m[steps=50],real"
    assert bench("run", "--dry-run", "--dataset", DATASET, "--budget", "quick", "--methods", methods) == 0
    assert "steps of a fit: ours 80 + 80, Mine 2, ti-m[steps=50] 10\n" in capsys.readouterr().out


def test_a_stopped_tuning_goes_on_by_its_own_command(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "tune", stop)
    dataset = DATASET.replace("scenes=2", "scenes=8").replace("pool=20", "pool=80")
    command = ("tune", "--methods", "ti-m", "--tuning-scenes", "4", "--name", "t", "--dataset", dataset)
    assert bench(*command) == 130
    capsys.readouterr()
    assert bench("status", "runs/t") == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("stopped; to go on: bench tune ")
    for words in ("--path mine", "--methods ti-m", "--tuning-scenes 4", "--name t", f"--dataset '{dataset}'"):
        assert words in last
    assert "--trials" not in last, "what was not given has its default"


def test_a_report_says_that_the_code_of_a_method_changed(
    bench: Bench, finished: Path, drop_ins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = drop_ins / "quick.py"
    source.write_text(source.read_text().replace("integers(0, 20", "integers(0, 21"))
    refresh()

    def banner() -> str:
        (line,) = (one for one in json.loads((finished / "report/pareto/report.json").read_text())["banners"])
        return str(line)

    shutil.rmtree(finished / "report")
    assert bench("report", "runs/r") == 0
    assert banner().startswith(
        "Partial: 0 of 2 units done. 2 of the others (quick) were done before the code of these methods or of "
        "scenebench changed: what is shown of them is by the code of then; `bench run --path mine --name r` makes"
    )
    assert bench("run", "--path", "mine", "--name", "r") == 0
    assert not json.loads((finished / "report/pareto/report.json").read_text())["banners"]
