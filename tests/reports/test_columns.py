"""Every column of every CSV file of a report is explained, beside it and by `bench list`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from bench.plugins.report import ReportData
from bench.plugins.spec import configure
from bench.reporting.columns import METRIC, CsvFile

MakeData = Callable[..., ReportData]


def unexplained(table: Path, explained: CsvFile, data: ReportData) -> set[str]:
    """The file's columns without, and the explanations without a column."""
    names = [metric.label.replace("-", "_") for metric in data.metrics]
    if table.name == "pareto.csv":
        names = ["prompt_similarity", "identity_similarity"]
    expanded = {column.replace(METRIC, name) for column in explained.columns for name in names}
    return set(pd.read_csv(table)) ^ expanded


@pytest.mark.parametrize("kind", ["ratings", "rankings", "choices"])
def test_those_of_user_studies(kind: str, make_data: MakeData, tmp_path: Path) -> None:
    heads = {"ratings": "method,rating", "rankings": "method,rank", "choices": "first,second,choice"}
    cells = {"ratings": ("ours,5", "ti-m,2"), "rankings": ("ours,1", "ti-m,2"), "choices": ("ours,ti-m,ours",)}
    rows = [f"r{k},scene-{number},{cell}" for k in range(2) for number in range(5) for cell in cells[kind]]
    answers = tmp_path / "answers.csv"
    answers.write_text("\n".join([f"rater,item,{heads[kind]}", *rows, ""]), encoding="utf-8")
    data, report = make_data(), configure("reports", f"user-study[answers={answers}]").instance
    files = report.write(data, tmp_path / "out")
    tables = [file for file in files if file.suffix == ".csv"]
    assert {file.name for file in tables} == set(report.files)
    assert {file.name: unexplained(file, report.files[file.name], data) for file in tables} == {
        name: set() for name in report.files
    }


def test_those_of_a_run_with_what_each_metrics_mean_is(make_data: MakeData, tmp_path: Path) -> None:
    data, report = make_data(), configure("reports", "pareto").instance
    *tables, columns = report.write(data, tmp_path / "out")[1:]
    assert {file.name for file in tables} == set(report.files)
    assert {file.name: unexplained(file, report.files[file.name], data) for file in tables} == {
        name: set() for name in report.files
    }
    told = columns.read_text(encoding="utf-8").splitlines()
    assert columns.name == "columns.md"
    (pooled,) = [line for line in told if line.startswith("| `detection_rate` |")]
    (other,) = [line for line in told if line.startswith("| `prompt_similarity` |")]
    assert pooled.endswith("| mean of all its rows (pooled) |")
    assert other.endswith("| mean of its pictures |")


def test_they_are_listed_with_the_report(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.cli.describe.console", Console(width=400))
    assert call("list", "pareto") == 0
    shown = capsys.readouterr().out
    assert "summary.csv: one row is a method: the table of results" in shown
    assert "so that a detection rate differs from summary.csv" in shown
