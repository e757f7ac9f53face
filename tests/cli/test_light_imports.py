"""Commands that compute nothing start without torch, which takes seconds to import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli.main import main
from bench.core.errors import UserError
from bench.reporting.select_reports import select_reports

DATASET = "playroom[scenes=2,formats=1,mix=1,0,0,samples=1,pool=20]"
CODE = """
import sys
from bench.cli.main import main

try:
    main(sys.argv[1:])
except SystemExit as end:
    assert end.code == 0, end.code
print(*(name for name in ("torch", "transformers", "diffusers") if name in sys.modules), file=sys.stderr)
"""


def slow_modules(folder: Path, *arguments: str) -> list[str]:
    """What of the slow libraries a command has imported when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.strip().splitlines()[-1].split() if done.stderr.strip() else []


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["edit", "--help"], ["masks", "--help"], ["list"], ["list", "ours"]]
)
def test_help_and_lists(arguments: list[str], tmp_path: Path) -> None:
    assert slow_modules(tmp_path, *arguments) == []


def test_the_report_of_a_finished_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["run", "--dataset", DATASET, "--methods", "real", "--name", "r"])
    assert end.value.code == 0
    page = tmp_path / "runs" / "r" / "report" / "pareto" / "pareto.html"
    page.unlink()
    assert slow_modules(tmp_path, "report", "runs/r", "--report", "pareto,table[metrics=prompt+identity],cost") == []
    assert page.is_file()
    for name in ("pareto", "table", "cost"):
        folder = page.parents[1] / name
        assert (folder / f"{name}.html").is_file()
        assert json.loads((folder / "report.json").read_text())["report"].startswith(name)


def test_a_report_that_fails_keeps_no_other_from_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["run", "--dataset", DATASET, "--methods", "real", "--name", "r"])
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main(["report", "runs/r", "--report", "ablation,masks,cost"])
    assert end.value.code == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "no variant of real" in told
    assert "has no notes on estimated masks" in told
    assert (tmp_path / "runs" / "r" / "report" / "cost" / "cost.html").is_file()
    assert not (tmp_path / "runs" / "r" / "report" / "masks").exists()


@pytest.mark.parametrize(
    ("named", "told"), [("pareto,pareto[difference=1]", "named twice"), (",", "no report is named"), ("x", "'x'")]
)
def test_reports_that_cannot_be_meant(named: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        select_reports(named)
