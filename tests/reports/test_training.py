"""The training report: known losses in, means, intervals, curves and a page out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bench.reports.training import Report
from scipy import stats

from bench.core.errors import UserError
from bench.plugins.report import ReportData
from bench.reporting.training_curves import loss_curves_frame, loss_panels, loss_rows, smoothed
from bench.reporting.training_records import read_training_records

MakeData = Callable[..., ReportData]
HOSTILE = '"><script>alert(1)</script>'


def log(data: ReportData, unit: str, phases: dict[int, dict[str, list[float]]]) -> None:
    """Write the losses of a unit: by phase, and by name a value a step."""
    (data.run_folder / "losses").mkdir(exist_ok=True)
    frames = [
        pd.DataFrame({"phase": phase, "step": range(1, len(next(iter(losses.values()))) + 1), **losses})
        for phase, losses in phases.items()
    ]
    pd.concat(frames).to_csv(data.run_folder / "losses" / f"{unit}.csv", index=False)


@pytest.fixture
def data(make_data: MakeData) -> ReportData:
    """Four scenes: `ours` falls from 1 + scene to .5 in 20 steps, then stays; `ti-m` logs one part; `real` nothing."""
    made = make_data(4, ("ours", "ti-m", "real"))
    for number in range(4):
        attention = [0.25] * 20
        masked = [1.0 + number] * 2 + [0.75] * 16 + [0.5] * 2
        total = [one + other for one, other in zip(masked, attention, strict=True)]
        first = {"masked diffusion": masked, "attention": attention, "total": total}
        log(made, f"ours-scene-{number}", {1: first, 2: {"total": [0.1] * 5}})
        log(made, f"ti-m-scene-{number}", {1: {"diffusion": [0.3, 0.2], "total": [0.3, 0.2]}})
    return made


def test_the_table_has_means_of_the_first_and_the_last_tenth_over_scenes(data: ReportData) -> None:
    rows = {(row.method, row.phase, row.loss): row for row in loss_rows(read_training_records(data).fits)}
    assert list(rows) == [
        ("ours", 1, "total"),
        ("ours", 1, "masked diffusion"),
        ("ours", 1, "attention"),
        ("ours", 2, "total"),
        ("ti-m", 1, "diffusion"),
    ], "the total first, but not beside one part that is the same"
    masked = rows["ours", 1, "masked diffusion"]
    assert (masked.steps, masked.first.n) == (20, 4)
    assert (masked.first.value, masked.last.value, masked.change.value) == pytest.approx((2.5, 0.5, -2.0))
    low, high = stats.t.interval(0.95, 3, loc=-2.0, scale=stats.sem([-0.5, -1.5, -2.5, -3.5]))
    assert masked.change.interval is not None
    assert (masked.change.interval.low, masked.change.interval.high) == pytest.approx((low, high))
    assert rows["ours", 1, "attention"].change.value == 0


def test_lines_are_running_means_of_each_fit_and_their_mean(data: ReportData) -> None:
    frame = loss_curves_frame(read_training_records(data).fits)
    own = frame[(frame["method"] == "ours") & (frame["loss"] == "masked diffusion")]
    scene = own[own["scene"] == "scene-3"].set_index("step")["value"]
    assert scene[1] == pytest.approx(4.0)
    assert scene[2] == pytest.approx((4.0 + 4.0 + 0.75) / 3)
    assert scene[10] == pytest.approx(0.75)
    mean = own[own["scene"] == "mean"].set_index("step")["value"]
    assert mean[1] == pytest.approx(2.5)
    assert own["scene"].unique().tolist() == ["scene-0", "scene-1", "scene-2", "scene-3", "mean"]
    assert not frame[frame["method"] == "ti-m"]["value"].isna().any()


def test_a_running_mean_is_shorter_at_its_ends_and_leaves_out_what_is_not_known() -> None:
    np.testing.assert_allclose(smoothed(np.array([1.0, 2.0, 6.0, 3.0]), 3), [1.5, 3.0, 11 / 3, 4.5])
    np.testing.assert_allclose(smoothed(np.array([1.0, np.nan, 3.0, np.nan, np.nan]), 3), [1, 2, 3, 3, np.nan])
    np.testing.assert_allclose(smoothed(np.array([1.0, 2.0]), 1), [1.0, 2.0])


def test_long_phases_are_drawn_at_forty_steps(make_data: MakeData) -> None:
    made = make_data(1, ("ours",))
    log(made, "ours-scene-0", {1: {"total": [1.0] * 999}})
    frame = loss_curves_frame(read_training_records(made).fits)
    assert len(frame) == 40
    assert (frame["step"].iloc[0], frame["step"].iloc[-1]) == (1, 999)


def page_of(data: ReportData, out: Path) -> tuple[str, dict[str, pd.DataFrame]]:
    page, *files = Report().write(data, out)
    return page.read_text(), {file.name: pd.read_csv(file) for file in files if file.suffix == ".csv"}


def test_the_page_and_the_files(data: ReportData, outline: type[Any], tmp_path: Path) -> None:
    page, tables = page_of(data, tmp_path / "out")
    found = outline(page)
    assert found.open == []
    assert all((tmp_path / "out" / address).is_file() for address in found.addresses if not address.startswith("#"))
    assert {name: list(table) for name, table in tables.items()} == {
        name: list(file.columns) for name, file in Report.files.items()
    }
    assert "No losses: real." in page
    assert "<td>2.5 [0.446, 4.55]</td><td>0.5 [0.5, 0.5]</td><td>−2 [−4.05, +0.0543]</td>" in page
    labels = re.findall(r'role="img" aria-label="([^"]*)"', page)
    assert len(labels) == 5
    assert labels[1] == (
        "ours: masked diffusion loss over the 20 steps of phase 1, mean of 4 fits, from 2.5 to 0.5; "
        "the values are in curves.csv"
    )
    assert "IoU of estimated masks" not in page


def test_methods_that_estimate_masks_have_their_iou_too(data: ReportData, tmp_path: Path) -> None:
    (data.run_folder / "fit_records").mkdir()
    rows = [
        {"step": step, "concept": 0, "label": "cat", "estimated": True, "iou": iou, "iou_without_crf": iou}
        for step, iou in enumerate((0.25, 0.5))
    ]
    pd.DataFrame(rows).to_csv(data.run_folder / "fit_records" / "ours-scene-1.csv", index=False)
    page, tables = page_of(data, tmp_path / "out")
    assert '<h2 id="masks">IoU of estimated masks</h2>' in page
    assert tables["masks.csv"].to_numpy().tolist() == [["ours", 0, 0.25], ["ours", 1, 0.5]]


def test_one_fit_has_a_line_and_no_interval(make_data: MakeData, outline: type[Any], tmp_path: Path) -> None:
    made = make_data(1, ("ours",))
    log(made, "ours-scene-0", {1: {"total": [0.5, 0.25, 0.125]}})
    page, tables = page_of(made, tmp_path / "out")
    assert outline(page).open == []
    assert "no interval (fewer than 4 scenes)" in page
    assert "<td>0.5</td><td>0.125</td><td>−0.375</td>" in page
    assert tables["training.csv"]["change_low"].isna().all()
    assert not re.findall(r"\bnan\b|\binf\b", page)


def test_some_fits_of_an_earlier_version_are_told(data: ReportData, tmp_path: Path) -> None:
    (data.run_folder / "losses" / "ours-scene-2.csv").unlink()
    page, tables = page_of(data, tmp_path / "out")
    assert "ours: no losses of 1 of 4 fits." in page
    assert tables["training.csv"].set_index(["method", "phase", "loss"]).loc[("ours", 2, "total"), "n_scenes"] == 3


def test_a_fit_that_failed_is_there_as_far_as_it_went(data: ReportData, tmp_path: Path) -> None:
    """It is in no mean; one that diverged has a gap."""
    asked = [{"unit": "odd", "method": "ours", "scene": "scene-9", "pictures": 3, "failure": "x.txt"}]
    asked.append({"unit": "gone", "method": "removed", "scene": "scene-9", "pictures": 3, "failure": "y.txt"})
    (data.run_folder / "asked.json").write_text(json.dumps({"schema": 2, "units": asked}))
    for unit in ("odd", "gone"):
        log(data, unit, {1: {"total": [1.0] * 4 + [float("nan")] * 3}})
    page, tables = page_of(data, tmp_path / "out")
    assert "ours: 1 fit of units that failed" in page
    assert "scene-9 (7 steps of phase 1)." in page
    assert "removed" not in page
    frame = tables["training.csv"].set_index(["method", "phase", "loss"])
    assert frame.loc[("ours", 1, "total"), "n_scenes"] == 4
    curve = tables["curves.csv"].query("unit == 'odd'").set_index("step")["value"]
    assert curve[1] == 1.0
    assert np.isnan(curve[7])


def test_losses_that_are_never_finite_have_no_plot(make_data: MakeData, tmp_path: Path) -> None:
    made = make_data(1, ("ours",))
    log(made, "ours-scene-0", {1: {"total": [float("nan"), float("inf")], "attention": [0.5, 0.5]}})
    records = read_training_records(made)
    ((panel,),) = loss_panels(records.fits).values()
    assert panel.title == "phase 1 · attention"
    assert "<td>total</td><td>–</td><td>–</td><td>–</td>" in page_of(made, tmp_path / "out")[0]


def test_a_run_without_losses_is_one_line(make_data: MakeData, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no losses: .* or were fitted by an earlier version") as caught:
        Report().write(make_data(2), tmp_path / "out")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "phase,step,total\nx,1,0.5\n", "step,total\n1,0.5\n", "phase,step,total\n1,1,a\n"]
)
def test_a_damaged_file_is_named(text: str, data: ReportData, tmp_path: Path) -> None:
    (data.run_folder / "losses" / "ours-scene-0.csv").write_text(text)
    with pytest.raises(UserError, match=r"ours-scene-0.csv is damaged \(.*\); delete it") as caught:
        Report().write(data, tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_hostile_names_do_no_harm(make_data: MakeData, outline: type[Any], tmp_path: Path) -> None:
    made = make_data(2, (HOSTILE, "ours"))
    made = replace(made, name=HOSTILE, banners=(HOSTILE,), table=made.table.assign(scene=HOSTILE))
    log(made, "ours-scene-0", {1: {"total": [0.5, 0.25], HOSTILE: [0.5, 0.5]}})
    made.table.loc[made.table["unit"] == "ours-scene-0", "method"] = HOSTILE
    page, _ = page_of(made, tmp_path / "out")
    assert "alert(1)</script>" not in page
    assert outline(page).open == []


@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_shows_it_whole_and_silently(
    data: ReportData, open_page: Callable[..., Any], width: int, tmp_path: Path
) -> None:
    page, *_ = Report().write(data, tmp_path / "out")
    with open_page(page, width=width) as tab:
        assert tab.complaints == []
        assert tab.requests == [page.resolve().as_uri()]
        assert tab.run("document.documentElement.scrollWidth") <= width
