"""The gallery report: its records, files and thumbnails (its page in a browser: test_gallery_page.py)."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bench.reports.gallery import Report
from PIL import Image

from bench.core.errors import UserError
from bench.plugins.report import ReportData
from bench.reporting.columns import METRIC

MakeData = Callable[..., ReportData]


def write(data: ReportData, out: Path) -> dict[str, Any]:
    """What the page is given."""
    page, script, *_ = Report().write(data, out)
    assert page.name == "gallery.html"
    return records_of(script)


def records_of(script: Path) -> dict[str, Any]:
    """What the page's script sets, and nothing else."""
    found = re.fullmatch(r"window\.GALLERY = (.*);\n", script.read_text())
    assert found is not None
    records: dict[str, Any] = json.loads(found[1])
    return records


def test_a_row_is_a_prompt_with_a_picture_of_every_method(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(3, methods=("ours", "ti-m", "db-m"))
    going_on = data.table[~((data.table["method"] == "ti-m") & (data.table["scene"] == "scene-1"))]
    records = write(dataclasses.replace(data, table=going_on), tmp_path / "out")
    prompts = records["prompts"]
    assert [(one["scene"], one["asked"]) for one in prompts] == [(s, c) for s in range(3) for c in ([0], [1], [0, 1])]
    assert [[picture is not None for picture in one["pictures"]] for one in prompts] == [
        [True, one["scene"] != 1, True] for one in prompts
    ]
    assert prompts[2]["text"] == "a photo of a cat and an umbrella in the snow"
    assert prompts[2]["text_with_handles"] == "a photo of [v1] and [v2] in the snow"
    assert records["banners"] == ["Partial: 3 of 9 units are done."]


def test_the_values_of_a_picture_are_those_of_its_concepts_that_have_one(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(1, methods=("ours",))
    data.table["identity_similarity"] = [0.5, 0.6, 0.7, float("nan")]
    data.table["prompt_similarity"] = [0.1, 0.2, 0.3, 0.3]
    records = write(data, tmp_path / "out")
    labels = [metric["label"] for metric in records["metrics"]]
    identity, prompt = labels.index("identity-similarity"), labels.index("prompt-similarity")
    both = records["prompts"][2]["pictures"][0]
    assert (both["values"][identity], both["values"][prompt]) == (0.7, 0.3)
    assert [one["values"][identity] for one in both["concepts"]] == [0.7, None]
    assert both["concepts"][1]["reasons"][identity] == "no such thing in the picture"
    table = pd.read_csv(tmp_path / "out" / "gallery.csv")
    assert table["identity_similarity"].tolist() == [0.5, 0.6, 0.7]
    names = {label.replace("-", "_") for label in labels}
    explained = set(Report.files["gallery.csv"].columns) - {METRIC} | names
    assert set(table) == explained


def test_failures_are_those_that_the_metric_of_leakage_found(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(1, methods=("ours",))
    found = {
        "detected": [True, False, True, True],
        "swapped": [True, None, False, None],
        "duplicated": [None, None, False, True],
        "intruded": [True, False, None, None],
        "intruders": ["1", "", "", ""],
        "instances": [1, 0, 1, 2],
    }
    data = dataclasses.replace(data, table=data.table.assign(**found))
    records = write(data, tmp_path / "out")
    assert [failure["name"] for failure in records["failures"]] == ["omission", "swap", "duplication", "intrusion"]
    first = records["prompts"][0]["pictures"][0]
    assert (first["intrusion"], first["intruders"], first["concepts"][0]["swap"]) == (True, [1], True)
    table = pd.read_csv(tmp_path / "out" / "gallery.csv")
    shown = table[["omission", "swap", "duplication", "intrusion"]].astype(object)
    assert shown.where(shown.notna(), None).to_numpy().tolist() == [
        [False, True, None, True],
        [True, None, None, False],
        [False, False, True, None],
    ]


def test_without_leakage_there_are_no_failures_to_choose(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(1)
    bare = data.table.drop(columns=["detected", "swapped", "duplicated", "intruded", "intruders", "instances"])
    metrics = tuple(metric for metric in data.metrics if metric.name in bare)
    assert write(dataclasses.replace(data, table=bare, metrics=metrics), tmp_path / "out")["failures"] == []


def test_methods_can_be_chosen_and_a_wrong_one_is_one_line(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(2)
    Report(methods="ti-m").write(data, tmp_path / "out")
    assert records_of(tmp_path / "out" / "data.js")["methods"] == ["ti-m"]
    with pytest.raises(UserError, match="no scores of a method 'em'; known: ours, ti-m"):
        Report(methods="em").write(data, tmp_path / "other")


def test_a_picture_that_cannot_be_read_is_told_of(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(1, methods=("ours",))
    first, second, _ = data.table["file"].unique()
    (data.run_folder / first).unlink()
    (data.run_folder / second).write_bytes((data.run_folder / second).read_bytes()[:100])
    records = write(data, tmp_path / "out")
    thumbnails = [one["pictures"][0]["thumbnail"] for one in records["prompts"]]
    assert thumbnails[:2] == [None, None]
    assert (tmp_path / "out" / thumbnails[2]).is_file()
    assert "2 pictures that the table tells of are missing or damaged" in (tmp_path / "out/gallery.html").read_text()


def test_small_pictures_stay_as_they_are_and_large_ones_become_small(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(1, methods=("ours",))
    small, large, _ = data.table["file"].unique()
    picture = np.random.default_rng(0).integers(0, 255, (200, 400, 3), dtype=np.uint8)
    Image.fromarray(picture).save(data.run_folder / large)
    records = write(data, tmp_path / "out")
    shown = {one["pictures"][0]["file"]: one["pictures"][0] for one in records["prompts"]}
    kept = tmp_path / "out" / shown[small]["thumbnail"]
    assert kept.read_bytes() == (data.run_folder / small).read_bytes()
    with Image.open(tmp_path / "out" / shown[large]["thumbnail"]) as image:
        assert (image.format, image.size) == ("WEBP", (256, 128))
    assert (shown[small]["reduced"], shown[large]["reduced"]) == (False, True)
    assert "3 thumbnails" in (tmp_path / "out/gallery.html").read_text()


def test_thumbnails_that_are_there_and_right_are_taken_over(make_data: MakeData, tmp_path: Path) -> None:
    """Whatever report of the run has them; those that are damaged, of another size or older are made anew."""
    data = make_data(2, methods=("ours",))
    before = data.run_folder / "report" / "gallery-paper"
    records = write(data, before)
    names = [one["pictures"][0]["thumbnail"] for one in records["prompts"]]
    right, damaged, resized, old = (before / name for name in names[:4])
    made = {file: file.read_bytes() for file in (damaged, resized, old)}
    for file in (right, resized, old):
        Image.new("RGB", (16, 16) if file != resized else (8, 8), "red").save(file)
    damaged.write_bytes(made[damaged][:200])
    os.utime(old, (1, 1))
    out = tmp_path / "out"
    write(data, out)
    taken = [out / name for name in names[:4]]
    assert taken[0].read_bytes() == right.read_bytes(), "it was not made again"
    assert [file.read_bytes() for file in taken[1:]] == list(made.values())


def test_files_of_others_in_the_folder_stay(make_data: MakeData, tmp_path: Path) -> None:
    mine = tmp_path / "out" / "thumbnails" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    write(make_data(1), tmp_path / "out")
    assert mine.read_text() == "mine"


def test_no_name_can_end_the_script_that_it_stands_in(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(1, methods=("</script><script>hurt()</script>", "\u2028"))
    write(data, tmp_path / "out")
    script = (tmp_path / "out" / "data.js").read_bytes()
    assert b"<" not in script
    assert script.isascii()


COLOURS = (("ink", "page"), ("soft", "page"), ("bad", "page"), ("warn-ink", "warn"), ("ink", "panel"), ("on-ink", "on"))
SCHEMES = ("light", "dark")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_colour_of_text_has_the_contrast_of_wcag_aa(scheme: str) -> None:
    style = (Path(__file__).parents[2] / "reports" / "gallery.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", style, flags=re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#\w+);", blocks[SCHEMES.index(scheme)]))
    assert {(text, ground): round(contrast(colours[text], colours[ground]), 1) for text, ground in COLOURS} == {
        pair: pytest.approx(21, abs=21 - 4.5) for pair in COLOURS
    }


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours (WCAG 2.2, relative luminance)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = (int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
