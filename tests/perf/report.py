"""The case of a report: beside the statistics that it shows."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from bench.reports.pareto import find
from harness import Case, Clock, alternating

from bench.plugins.report import ReportData
from bench.plugins.spec import configure

TABLES = Path(__file__).parents[1] / "reports" / "conftest.py"


def case(path: Path, scenes: int) -> Case:
    """The report `pareto` on so many scenes of six methods."""
    data = table_of(path, scenes)
    report = configure("reports", "pareto").instance
    out = path / "report"
    out.mkdir()
    pairs = alternating(
        lambda: report.write(data, out), lambda: find(data, report.difference), Clock(torch.device("cpu"))
    )
    return Case("report", f"a report ({scenes} scenes, 6 methods)", "its statistics", pairs)


def table_of(path: Path, scenes: int) -> ReportData:
    """A table made up as the reports' own tests make it, with small pictures."""
    spec = importlib.util.spec_from_file_location("tables_of_reports", TABLES)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: ReportData = module.make_run(path, scenes, ("ours", "ti-m", "db-m", "cd-m", "em", "clic"))
    return made
