"""The report figure: names touch nothing, fonts lie in the files, and the same figure is the same bytes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from bench.reports.figure import Report

from bench.core.errors import UserError
from bench.plugins.report import ReportData
from bench.reporting.labels import Box
from bench.reporting.paper_figure import GAP, paper_figure
from bench.stats.summary import summarise

MakeData = Callable[..., ReportData]
MANY = (
    "real", "copy-paste", "base-model", "ours", "ti-m", "db-m", "cd-m", "ours:no-attention-loss", "em", "clic",
    "ours[phase1_steps=0,phase2_steps=800]", "db-m:fast-handles", "cd", "ti",
)  # fmt: skip


@pytest.mark.parametrize("methods", [("ours",), ("ours", "ti-m"), MANY])
def test_no_name_touches_another_or_a_point_or_the_axes(make_data: MakeData, methods: tuple[str, ...]) -> None:
    data = make_data(5, methods=methods)
    drawn = paper_figure(summarise(data.table, data.metrics), 3.25, 2.6)
    assert len(drawn.labels) == len(drawn.points) == len(methods)
    for index, box in enumerate(drawn.labels):
        assert box.within(drawn.axes)
        assert not any(box.touches(other) for other in drawn.labels[:index])
        assert not any(box.touches(Box.around(x, y, 2 * GAP - 0.01, 2 * GAP - 0.01)) for x, y in drawn.points)


def test_names_too_many_for_the_figure_are_one_line(make_data: MakeData, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="names do not fit into the figure") as caught:
        Report(width=2, height=1.5).write(make_data(2, methods=MANY * 2), tmp_path / "out")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("methods", [("real", "ours"), ("real", "copy-paste")])
def test_controls_are_drawn_and_are_not_on_the_front(
    make_data: MakeData, tmp_path: Path, methods: tuple[str, ...]
) -> None:
    data = dataclasses.replace(make_data(5, methods=methods), controls=("real", "copy-paste"))
    data.table.loc[data.table["method"] == "real", ["prompt_similarity", "identity_similarity"]] = 0.9
    *_, csv = Report().write(data, tmp_path / "out")
    assert pd.read_csv(csv).set_index("method")["pareto"].to_dict() == {name: name == "ours" for name in methods}


def test_the_files_are_whole_and_their_letters_lie_within(make_data: MakeData, tmp_path: Path) -> None:
    data = dataclasses.replace(make_data(5, methods=("real", "ours", "a$b_<&>")), controls=("real",))
    pdf, svg, columns, csv = Report().write(data, tmp_path / "out")
    content = pdf.read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert b"/FontFile2" in content, "TrueType, embedded"
    assert b"/Type3" not in content
    root = ElementTree.fromstring(svg.read_text())
    assert root.get("width") == "234pt", "3.25 inches"
    assert not [each for each in root.iter() if each.tag.endswith(("}text", "}script", "}image"))]
    assert not re.findall(r"(?:href|src)=\"(?!#)", svg.read_text())
    assert list(pd.read_csv(csv)["method"]) == ["real", "ours", "a$b_<&>"]
    assert "figure.csv" in columns.read_text()


def test_equal_data_gives_equal_bytes(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(4)
    first, second = (Report().write(data, tmp_path / name) for name in ("first", "second"))
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]


def test_one_scene_has_points_without_bars(make_data: MakeData, tmp_path: Path) -> None:
    *_, csv = Report().write(make_data(1), tmp_path / "out")
    assert set(pd.read_csv(csv)["identity_similarity_interval"].fillna("none")) == {"none"}


def test_without_two_similarities_there_is_no_figure(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(4)
    data.table["identity_similarity"] = float("nan")
    with pytest.raises(UserError, match="no method has both prompt similarity and identity similarity"):
        Report().write(data, tmp_path / "out")
    lacking = dataclasses.replace(data, metrics=data.metrics[:1])
    with pytest.raises(UserError, match="the run's metrics have no"):
        Report().write(lacking, tmp_path / "out")
