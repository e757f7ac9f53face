"""The smaller reports: ablation, by-template, cost, fidelity, provenance."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.core.errors import UserError
from bench.plugins.method import FidelityNote
from bench.plugins.report import ReportData
from bench.plugins.spec import configure

MakeData = Callable[..., ReportData]
HOSTILE = '"><script>alert(1)</script>'
PAGES = ("by-template", "cost", "fidelity", "provenance", "table")


def write(name: str, data: ReportData, out: Path) -> tuple[str, dict[str, pd.DataFrame]]:
    """A report's page, and its CSV files by name."""
    page, *files = configure("reports", name).instance.write(data, out)
    return page.read_text(), {file.name: pd.read_csv(file) for file in files if file.suffix == ".csv"}


@pytest.mark.parametrize("name", [*PAGES, "pareto", "by-concepts"])
def test_hostile_names_do_no_harm(name: str, make_data: MakeData, outline: type[Any], tmp_path: Path) -> None:
    data = make_data(2, methods=("ours", HOSTILE), labels=(HOSTILE, "cat"))
    for column in ("template", "text", "reason"):
        data.table[column] = HOSTILE
    data = dataclasses.replace(
        data,
        name=HOSTILE,
        banners=(HOSTILE,),
        facts={HOSTILE: HOSTILE},
        command=HOSTILE,
        ledgers={HOSTILE: (FidelityNote(*[HOSTILE] * 4),)},
        seen_in_prior={HOSTILE: (HOSTILE,)},
    )
    page, _ = write(name, data, tmp_path / "out")
    assert "alert(1)</script>" not in page
    assert outline(page).open == []


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("methods", [("ours",), ("ours", "ti-m")])
def test_one_scene_and_one_method_make_a_page_without_nan_and_network(
    name: str, methods: tuple[str, ...], make_data: MakeData, outline: type[Any], tmp_path: Path
) -> None:
    page, _ = write(name, make_data(1, methods=methods), tmp_path / "out")
    found = outline(page)
    assert found.open == []
    assert not re.findall(r"\bnan\b|\binf\b", page)
    assert all((tmp_path / "out" / address).is_file() for address in found.addresses if not address.startswith("#"))
    assert "Partial: 3 of 9 units are done." in page


@pytest.mark.parametrize("name", [*PAGES, "ablation", "orderings"])
def test_every_column_is_explained(name: str, make_data: MakeData, tmp_path: Path) -> None:
    data = dataclasses.replace(
        make_data(4, methods=("ours", "ours:code", "ti-m")), ledgers={"ours": (FidelityNote("a", "b", "c", "d"),)}
    )
    _, tables = write(name, data, tmp_path / "out")
    files = configure("reports", name).instance.files
    assert {file: list(table) for file, table in tables.items()} == {
        file: list(explained.columns) for file, explained in files.items()
    }


def test_a_part_gives_what_the_whole_has_beyond_the_variant(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(8, methods=("real", "ours", "ours:code", "ti-m"))
    step = data.table["scene"].str[-1].astype(int) / 100
    is_whole = data.table["method"] == "ours"
    data.table["prompt_similarity"] = 0.2 + step + is_whole * (0.1 + step / 10)
    data = dataclasses.replace(
        data, controls=("real",), methods={"ours": {"steps": 3, "flip": 0}, "ours:code": {"steps": 4, "flip": 0}}
    )
    page, tables = write("ablation[metrics=prompt]", data, tmp_path / "out")
    frame = tables["ablation.csv"].set_index("method")
    assert list(frame.index) == ["ours", "ours:code"], "neither a control nor another method"
    assert frame.loc["ours:code", "changes"] == "steps 4 (not 3)"
    assert frame.loc["ours:code", "gain"] == pytest.approx(0.1 + 0.0035)
    assert frame.loc["ours:code", "p"] == pytest.approx(2 / 2**8)
    assert frame.loc["ours:code", "gain_low"] < 0.1035 < frame.loc["ours:code", "gain_high"]
    assert "<b>ours:code</b>: steps 4 (not 3)" in page
    assert re.findall(r'<tr><th scope="row">([^<]*)</th>', page) == ["ours", "ours:code"]
    assert "+0.103" in page or "+0.104" in page


def test_a_method_without_variants_is_one_line(make_data: MakeData, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no variant of ours: run one beside it, as `ours:VARIANT`") as caught:
        write("ablation", make_data(4), tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_a_template_has_its_own_mean(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(5, methods=("ours",))
    two = data.table["subset"] == "0+1"
    data.table.loc[two, "template"] = "{tokens} at the beach"
    data.table["prompt_similarity"] = 0.2 + 0.1 * two
    _, tables = write("by-template[metrics=prompt]", data, tmp_path / "out")
    frame = tables["by-template.csv"].set_index("template")
    assert frame["mean"].to_dict() == pytest.approx(
        {"a photo of {tokens} in the snow": 0.2, "{tokens} at the beach": 0.3}
    )
    assert frame["n_scenes"].tolist() == [5, 5]


def test_costs_are_sums_over_units_and_pictures(make_data: MakeData, tmp_path: Path) -> None:
    page, tables = write("cost", make_data(3), tmp_path / "out")
    frame = tables["cost.csv"].set_index("method")
    assert frame.loc["ours", ["n_units", "n_pictures", "fit_seconds", "generate_seconds"]].tolist() == [3, 9, 4.5, 2.25]
    assert "<td>4.50 s</td><td>9</td><td>2.25 s</td>" in page


def test_what_was_run_is_told_whole(make_data: MakeData, tmp_path: Path) -> None:
    page, tables = write("provenance", make_data(2), tmp_path / "out")
    told = {tuple(row[:2]): row[2] for row in tables["provenance.csv"].to_numpy().tolist()}
    assert told["run", "backbone"] == "none at all"
    assert told["ours", "steps"] == "3"
    assert told["metrics", "name"] == "tiny"
    assert "bench run --methods &#39;ours,ti-m&#39;" in page
