"""The user-study report: the page, and the CSV files beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.core.errors import UserError
from bench.plugins.report import ReportData
from bench.plugins.spec import configure
from bench.stats.scene_means import scene_means

MakeData = Callable[..., ReportData]
LIKED = {"ours": 4, "ti-m": 2}


def ratings(folder: Path, data: ReportData, column: str = "item") -> Path:
    """Every rater likes what prompt similarity likes: a method's scenes by rank, `ours` more."""
    means = scene_means(data.table, data.metrics)
    means = means[means["metric"] == "prompt-similarity"]
    order = means["mean"].rank(pct=True)
    rows = [
        {"rater": f"r{k}", "item": row.scene, "method": row.method, "rating": 1 + round(4 * rank)}
        for k in range(3)
        for row, rank in zip(means.itertuples(), order, strict=True)
    ]
    path = folder / "likert.csv"
    pd.DataFrame(rows).rename(columns={"item": column}).assign(item=lambda frame: frame[column]).to_csv(
        path, index=False
    )
    return path


def choices(folder: Path, data: ReportData) -> Path:
    rows = [
        f"r{rater},{scene.name},ours,ti-m,{'ours' if (rater + number) % 3 else 'neutral'}"
        for rater in range(4)
        for number, scene in enumerate(data.dataset.scenes)
    ]
    path = folder / "choices.csv"
    path.write_text("\n".join(["rater,item,first,second,choice", *rows]) + "\n", encoding="utf-8")
    return path


def write(answers: Path, data: ReportData, out: Path) -> tuple[str, dict[str, pd.DataFrame]]:
    page, *tables = configure("reports", f"user-study[answers={answers}]").instance.write(data, out)
    return page.read_text(encoding="utf-8"), {
        table.stem: pd.read_csv(table) for table in tables if table.suffix == ".csv"
    }


def test_ratings_and_metrics_that_agree(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data()
    page, tables = write(ratings(tmp_path, data), data, tmp_path / "out")
    agreement = tables["agreement"].set_index(["who", "measure"])
    assert agreement.loc[("raters", "Krippendorff's alpha, ordinal"), "value"] == pytest.approx(1)
    assert agreement.loc[("prompt-similarity", "Spearman's rho"), "value"] > 0.9
    assert agreement.loc[("prompt-similarity", "Spearman's rho"), "n"] == 12
    assert set(tables["tests"]["unit"]) == {"items", "raters", "answers"}
    assert "joined by scene" in page
    assert "Student t" in page


def test_a_folder_of_studies_has_a_section_each(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data()
    folder = tmp_path / "answers"
    folder.mkdir()
    ratings(folder, data)
    choices(folder, data)
    page, tables = write(folder, data, tmp_path / "out")
    assert re.findall(r'<h2 id="question-\d">(\w+)</h2>', page) == ["choices", "likert"]
    assert set(tables["methods"]["question"]) == {"choices", "likert"}
    # Of 24 answers every third is neutral, and the others are for ours: no bound on its strength.
    assert "66.67 %" in page
    assert "no bound on strengths" in page


def test_answers_about_pictures_are_joined_by_picture(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data()
    shown = data.table.drop_duplicates("picture")
    rows = shown.assign(
        rater="r", item=shown["text"] + shown["scene"], rating=1 + shown.groupby("method").cumcount() % 5
    )
    rows[["rater", "item", "scene", "method", "picture", "rating"]].to_csv(tmp_path / "one.csv", index=False)
    page, tables = write(tmp_path / "one.csv", data, tmp_path / "out")
    assert "joined by picture" in page
    assert tables["agreement"]["n"].max() == len(shown)
    assert "no item has two raters" in page


def test_answers_about_something_else_are_not_compared_with_metrics(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data()
    path = choices(tmp_path, data)
    path.write_text(path.read_text().replace("scene-", "elsewhere-"), encoding="utf-8")
    page, tables = write(path, data, tmp_path / "out")
    assert "metrics are not compared with people" in page
    assert set(tables["agreement"]["who"]) == {"raters"}


@pytest.mark.parametrize("told", ["ours", "Mine"])
def test_answers_may_tell_a_named_method_by_its_spec(make_data: MakeData, tmp_path: Path, told: str) -> None:
    plain = make_data()
    table = plain.table.assign(method=plain.table["method"].replace({"ours": "Mine"}))
    named = replace(plain, table=table, specs={"Mine": "ours"})
    asked, rated = choices(tmp_path, plain), ratings(tmp_path, plain)
    for answers in (asked, rated):
        answers.write_text(answers.read_text(encoding="utf-8").replace("ours", told), encoding="utf-8")
    _, tables = write(rated, named, tmp_path / "rated")
    assert set(tables["methods"]["method"]) == {"Mine", "ti-m"}
    agreement = tables["agreement"].set_index(["who", "measure"])
    assert agreement.loc[("prompt-similarity", "Spearman's rho"), "n"] == 12
    _, tables = write(asked, named, tmp_path / "asked")
    assert set(tables["methods"]["method"]) == {"Mine", "ti-m"}
    assert set(tables["tests"]["first"]) <= {"Mine", "all"}


def test_the_page_needs_no_network(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data()
    page, _ = write(choices(tmp_path, data), data, tmp_path / "out")
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert addresses == ["tests.csv", "methods.csv", "agreement.csv", "columns.md"]
    assert all((tmp_path / "out" / address).is_file() for address in addresses)


@pytest.mark.parametrize(
    ("text", "message"), [("user-study", "no answers are named"), ("user-study[answers=none.csv]", "there is no none")]
)
def test_without_answers_it_says_how_to_name_them(make_data: MakeData, tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        configure("reports", text).instance.write(make_data(), tmp_path / "out")


def test_an_empty_folder_is_no_study(make_data: MakeData, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no CSV"):
        configure("reports", f"user-study[answers={tmp_path / 'empty'}]").instance.write(make_data(), tmp_path / "out")
