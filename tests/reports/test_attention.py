"""The attention report: known shares in, means and intervals over scenes and a page out."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from bench.reports.attention import Report
from safetensors.torch import save_file
from scipy import stats

from bench.core.errors import UserError
from bench.plugins.report import ReportData
from bench.reporting.attention_records import attention_exhibits, attention_rows, read_attention_records
from bench.run.attention import COLUMNS
from bench.run.folder import RunFolder

MakeData = Callable[..., ReportData]
STEPS = (5, 10)
SHARES = {"scene-0": (0.2, 0.4), "scene-1": (0.4, 0.6), "scene-2": (0.3, 0.5), "scene-3": (0.5, 0.9)}
"""At each of the steps; the first concept has .1 less, the second .1 more."""


@pytest.fixture
def data(make_data: MakeData) -> ReportData:
    """Four scenes with maps of `ours` alone; the second concept is not found beside the first."""
    made = make_data(4)
    folder, rows = RunFolder(made.run_folder), []
    for unit, table in made.table[made.table["method"] == "ours"].groupby("unit"):
        maps = {}
        for one in table.to_dict("records"):
            for step, share in zip(STEPS, SHARES[one["scene"]], strict=True):
                maps[f"{one['picture']}/{one['concept']}/{step}"] = torch.full((4, 4), share).half()
                lost = one["subset"] == "0+1" and one["concept"] == 1
                value = math.nan if lost else share + (0.1 if one["concept"] else -0.1)
                area = math.nan if lost else 0.25
                why = "not found" if lost else ""
                rows.append(("tiny", unit, one["picture"], one["concept"], one["label"], step, value, area, why, "k"))
        folder.attention_maps(str(unit)).parent.mkdir(exist_ok=True)
        save_file(maps, folder.attention_maps(str(unit)), {"steps": "[5, 10]"})
    other = ("paper", *rows[0][1:6], 0.99, 0.9, "", "k")
    pd.DataFrame([*rows, other], columns=list(COLUMNS)).to_csv(folder.attention, index=False)
    return made


def test_shares_are_means_over_what_was_found_and_then_scenes(data: ReportData) -> None:
    first, last = attention_rows(read_attention_records(data))
    assert (first.method, first.step, last.step) == ("ours", 5, 10)
    # of each scene: twice the first concept (-.1), once the second (+.1): the mean is .1 / 3 below
    means = np.array([0.2, 0.4, 0.3, 0.5]) - 0.1 / 3
    assert first.share.value == pytest.approx(means.mean())
    low, high = stats.t.interval(0.95, 3, loc=means.mean(), scale=stats.sem(means))
    assert first.share.interval is not None
    assert (first.share.interval.low, first.share.interval.high) == pytest.approx((max(low, 0), high))
    assert first.area.value == pytest.approx(0.25)
    assert first.gain.value == pytest.approx(means.mean() - 0.25)
    assert (first.found, first.asked, first.share.n) == (12, 16, 4)


def test_shares_by_another_preset_are_not_told(data: ReportData) -> None:
    assert set(read_attention_records(data)["preset"]) == {"tiny"}


def test_prompts_of_most_concepts_are_shown_first(data: ReportData) -> None:
    exhibits = attention_exhibits(data, read_attention_records(data), prompts=1)
    assert [(one.scene, one.method) for one in exhibits] == [(f"scene-{number}", "ours") for number in range(4)]
    assert exhibits[0].text == "a photo of [v1] and [v2] in the snow"
    assert [[(cell.handle, cell.step) for cell in row] for row in exhibits[0].rows] == [
        [("[v1]", 5), ("[v1]", 10)],
        [("[v2]", 5), ("[v2]", 10)],
    ]
    assert exhibits[0].rows[1][0].reason == "not found"
    assert len(attention_exhibits(data, read_attention_records(data), prompts=5)) == 4 * 3


def test_the_page_and_the_file(data: ReportData, tmp_path: Path) -> None:
    page, table, columns = Report().write(data, tmp_path / "out")
    assert set(pd.read_csv(table)) == set(Report.files[table.name].columns)
    assert columns.name == "columns.md"
    text = page.read_text()
    assert "[v1], step 5: 0.100" in text
    assert "[v2], step 10: not found" in text
    assert "12 of 16" in text
    assert 'src="http' not in text
    assert len(pd.read_csv(table)) == 4 * 4 * 2


def test_a_picture_that_is_gone_is_told(data: ReportData, tmp_path: Path) -> None:
    for file in (data.run_folder / "pictures").iterdir():
        file.unlink()
    page, *_ = Report().write(data, tmp_path / "out")
    assert "the picture is missing or damaged" in page.read_text()


def test_a_run_without_maps_is_one_line(make_data: MakeData, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no attention maps.*--attention 5,10,20") as caught:
        Report().write(make_data(2), tmp_path / "out")
    assert "\n" not in str(caught.value)
