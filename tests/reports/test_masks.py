"""The masks report: known IoUs in, means, intervals, curves and a page out."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from bench.reports.masks import Report
from scipy import stats

from bench.core.errors import UserError
from bench.plugins.report import ReportData
from bench.reporting.mask_records import mask_rows, read_mask_records

MakeData = Callable[..., ReportData]


def note(data: ReportData, method: str, ious: dict[int, list[tuple[float, float]]], crf: float) -> None:
    """For each scene and step, the IoU of both concepts; `crf` of it is DenseCRF's."""
    (data.run_folder / "fit_records").mkdir(exist_ok=True)
    for number, scene in enumerate(data.dataset.scenes):
        rows = [
            {
                "step": step,
                "concept": concept,
                "label": "cat",
                "estimated": step == 0 or concept == 0,
                "iou": iou,
                "iou_without_crf": iou - crf,
            }
            for step, pair in enumerate(ious[number % len(ious)])
            for concept, iou in enumerate(pair)
        ]
        pd.DataFrame(rows).to_csv(data.run_folder / "fit_records" / f"{method}-{scene.name}.csv", index=False)


@pytest.fixture
def data(make_data: MakeData) -> ReportData:
    """Four scenes of two kinds: `em` rises from .2 to .5 or from .4 to .6; `em:fixed-masks` stays; `ours` is silent."""
    made = make_data(4, ("ours", "em", "em:fixed-masks"))
    note(made, "em", {0: [(0.1, 0.3), (0.3, 0.3), (0.6, 0.4)], 1: [(0.4, 0.4), (0.5, 0.5), (0.7, 0.5)]}, crf=0.05)
    note(made, "em:fixed-masks", {0: [(0.2, 0.2)], 1: [(0.4, 0.4)]}, crf=0.0)
    return made


def test_values_are_means_over_concepts_and_then_scenes(data: ReportData) -> None:
    em, fixed = mask_rows(read_mask_records(data))
    assert (em.method, fixed.method) == ("em", "em:fixed-masks")
    assert (em.first.value, em.last.value, em.change.value) == pytest.approx((0.3, 0.55, 0.25))
    assert em.crf_gain.value == pytest.approx(0.05)
    assert (fixed.first.value, fixed.last.value, fixed.change.value) == pytest.approx((0.3, 0.3, 0.0))
    assert fixed.crf_gain.value == 0


def test_intervals_are_over_scenes(data: ReportData) -> None:
    em, _ = mask_rows(read_mask_records(data))
    changes = [0.3, 0.2, 0.3, 0.2]
    low, high = stats.t.interval(0.95, 3, loc=0.25, scale=stats.sem(changes))
    assert em.change.interval is not None
    assert (em.change.interval.low, em.change.interval.high) == pytest.approx((low, high))
    assert em.change.n == 4


def test_scenes_without_true_masks_are_left_out(data: ReportData) -> None:
    file = data.run_folder / "fit_records" / "em-scene-0.csv"
    pd.read_csv(file).assign(iou=math.nan, iou_without_crf=math.nan).to_csv(file, index=False)
    em, _ = mask_rows(read_mask_records(data))
    assert em.last.n == 3
    assert em.last.value == pytest.approx((0.6 + 0.5 + 0.6) / 3)


def test_notes_of_another_kind_are_not_of_masks(data: ReportData) -> None:
    (data.run_folder / "fit_records" / "ours-scene-0.csv").write_text("step,loss\n0,0.5\n")
    assert set(read_mask_records(data)["method"]) == {"em", "em:fixed-masks"}


def test_the_page_and_the_file(data: ReportData, tmp_path: Path) -> None:
    page, table, columns = Report().write(data, tmp_path / "out")
    assert set(pd.read_csv(table)) == set(Report.files[table.name].columns)
    assert columns.name == "columns.md"
    text = page.read_text()
    assert "em:fixed-masks" in text
    assert "0.550" in text
    assert "+0.050" in text
    assert "5.9 % IoU" in text
    assert 'src="http' not in text
    assert len(pd.read_csv(table)) == 4 * 2 * (3 + 1)


def test_a_run_without_notes_is_one_line(make_data: MakeData, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no notes on estimated masks; .*--methods em") as caught:
        Report().write(make_data(2), tmp_path / "out")
    assert "\n" not in str(caught.value)
