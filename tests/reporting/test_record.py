"""report.json: all that a report shows, as JSON that any program reads."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from bench.core.scenes import Dataset
from bench.plugins.method import FidelityNote
from bench.plugins.report import ReportData
from bench.reporting.record import write_record


def data(folder: Path) -> ReportData:
    return ReportData(
        name="r",
        run_folder=folder,
        table=pd.DataFrame(),
        dataset=Dataset("d", ()),
        facts={"seed": "0"},
        methods={"ours": {"path": folder}},
        metrics=(),
        preset={"name": "p"},
        banners=("Partial.",),
        done_units=1,
        planned_units=2,
        ledgers={"ours": (FidelityNote("a", "b", "c", "d"),)},
    )


def test_tables_and_facts_are_there_and_a_missing_value_is_null(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("method,mean,n\nNone,0.5,3\nours,,4\nbest,inf,5\n")
    file = write_record("pareto", data(tmp_path), (tmp_path / "page.html", table), tmp_path)
    found = json.loads(file.read_text(), parse_constant=lambda name: f"not JSON: {name}")
    assert found["tables"] == {
        "a.csv": {"columns": ["method", "mean", "n"], "rows": [["None", 0.5, 3], ["ours", None, 4], ["best", None, 5]]}
    }
    assert (found["schema"], found["report"], found["done_units"]) == (1, "pareto", 1)
    assert found["ledgers"]["ours"][0]["why"] == "d"


def test_an_empty_table_is_empty_and_a_record_of_the_reports_own_stays(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\n")
    file = write_record("x", data(tmp_path), (tmp_path / "a.csv",), tmp_path)
    assert json.loads(file.read_text())["tables"] == {"a.csv": {"columns": [], "rows": []}}
    file.write_text("{}")
    assert write_record("x", data(tmp_path), (), tmp_path).read_text() == "{}"
