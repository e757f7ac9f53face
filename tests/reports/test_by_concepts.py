"""The report by-concepts: a page, a table, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from bench.reports.by_concepts import Report

from bench.core.errors import UserError
from bench.plugins.report import ReportData

MakeData = Callable[..., ReportData]


def test_the_page_and_the_file(make_data: MakeData, outline: type[Any], tmp_path: Path) -> None:
    data = make_data(6)
    page, file, columns = Report().write(data, tmp_path / "out")
    frame = pd.read_csv(file)
    metrics = ["identity-similarity", "prompt-similarity", "detection-rate"]
    assert frame[["metric", "method", "concepts"]].to_numpy().tolist() == [
        [metric, method, concepts] for metric in metrics for method in ("ours", "ti-m") for concepts in (1, 2)
    ]
    detection = frame[frame["metric"] == "detection-rate"]
    assert detection["mean"].tolist() == [1.0, 0.5, 1.0, 0.5], "of two concepts one is found"
    assert detection["change"].dropna().tolist() == [-0.5, -0.5]
    assert set(pd.read_csv(file)) == set(Report.files[file.name].columns)
    assert columns.name == "columns.md"
    text = page.read_text()
    assert "−0.500 [−0.500, −0.500]" in text
    assert not [address for address in outline(text).addresses if address.startswith("http")]


def test_other_metrics_can_be_named(make_data: MakeData, tmp_path: Path) -> None:
    _, file, _ = Report("background-copy").write(make_data(4), tmp_path / "out")
    assert set(pd.read_csv(file)["metric"]) == {"background-copy"}


def test_a_metric_that_the_run_does_not_compare_is_one_line(make_data: MakeData, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no metric 'beauty'; it compares .*identity-similarity") as caught:
        Report("beauty").write(make_data(4), tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_metrics_without_any_value_are_one_line(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(4)
    data.table["identity_similarity"] = float("nan")
    with pytest.raises(UserError, match="no picture has a value of identity-similarity"):
        Report("identity-similarity").write(data, tmp_path / "out")
