"""`bench report` on a finished run: what a report leaves behind, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.plugins.discovery import refresh

Bench = Callable[..., int]


def test_a_report_is_written_whole_or_not_at_all(bench: Bench, drop_ins: Path, finished: Path) -> None:
    (drop_ins / "halves.py").write_text(HALVES)
    refresh()
    assert bench("report", "runs/r", "--report", "halves") == 0
    page = finished / "report" / "halves" / "page.html"
    assert page.read_text() == "whole"
    assert bench("report", "runs/r", "--report", "halves[fails=true]") == 2
    assert page.read_text() == "whole"
    assert [path.name for path in page.parent.parent.iterdir() if "halves" in path.name] == ["halves"]


def test_a_report_names_its_files(
    bench: Bench, drop_ins: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (drop_ins / "silent.py").write_text(HALVES.replace('return (out / "page.html",)', "return None"))
    refresh()
    assert bench("report", "runs/r", "--report", "silent") == 2
    assert "silent.py: write() returned no files; return a tuple of paths" in capsys.readouterr().err
    assert not (finished / "report" / "silent").exists()


def test_a_report_that_fails_is_one_line_and_its_traceback_lies_in_the_run(
    bench: Bench, drop_ins: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (drop_ins / "wrong.py").write_text(HALVES.replace('"half"', "3"))
    refresh()
    capsys.readouterr()
    assert bench("report", "runs/r", "--report", "wrong") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "wrong.py:15: the report wrong failed: TypeError: data must be str, not int" in line
    log = finished / "failed" / "report-wrong.txt"
    assert f"(traceback: {log})" in line
    assert "Traceback (most recent call last)" in log.read_text()
    (drop_ins / "wrong.py").write_text(HALVES)
    refresh()
    assert bench("report", "runs/r", "--report", "wrong") == 0
    assert not log.exists()


HALVES = '''
from dataclasses import dataclass

from bench.core.errors import UserError


@dataclass(frozen=True)
class Report:
    """A page of one word."""

    fails: bool = False

    def write(self, data, out):
        """Write it."""
        (out / "page.html").write_text("half")
        if self.fails:
            raise UserError("no answers")
        (out / "page.html").write_text("whole")
        return (out / "page.html",)
'''
