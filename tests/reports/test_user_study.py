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
    assert addresses == ["tests.csv", "methods.csv", "agreement.csv", "human_pareto.csv", "columns.md"]
    assert all((tmp_path / "out" / address).is_file() for address in addresses)


def both_questions(folder: Path, data: ReportData) -> Path:
    """Ratings of six raters of two questions: `ours` 4 for the prompt and 2 for identity, `ti-m` the reverse."""
    rows = [
        f"r{rater},{scene.name},{scene.name},{question},{method},{3 + (1 if good else -1) * (1 - (rater == number))}"
        for rater in range(6)
        for number, scene in enumerate(data.dataset.scenes)
        for question, first in (("Prompt similarity", "ours"), ("identity-similarity", "ti-m"))
        for method in ("ours", "ti-m")
        for good in (method == first,)
    ]
    path = folder / "both.csv"
    path.write_text("\n".join(["rater,item,scene,question,method,rating", *rows]) + "\n", encoding="utf-8")
    return path


def test_ratings_for_prompt_and_identity_make_the_plot(make_data: MakeData, tmp_path: Path, outline: type) -> None:
    data = make_data()
    page, tables = write(both_questions(tmp_path, data), data, tmp_path / "out")
    found = tables["human_pareto"].set_index("method")
    # of every scene five raters say 4 (or 2) and one says 3; all six scenes are alike
    assert found.loc["ours", ["prompt", "identity"]].tolist() == pytest.approx([23 / 6, 13 / 6])
    assert found.loc["ti-m", ["prompt", "identity"]].tolist() == pytest.approx([13 / 6, 23 / 6])
    assert found["on_front"].all()
    assert found["prompt_interval"].tolist() == ["95% Student t"] * 2
    (plot,) = re.findall(r"<svg class=\"ratings\".*?</svg>", page, re.DOTALL)
    assert plot.count("<circle") == 2
    assert "ours: prompt 3.833 [3.833, 3.833], identity 2.167 [2.167, 2.167]" in plot
    assert "human_pareto.csv" in outline(page).addresses


def test_one_question_makes_no_plot(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data()
    page, tables = write(ratings(tmp_path, data), data, tmp_path / "out")
    assert tables["human_pareto"].empty
    assert "<svg" not in page


def test_a_method_that_another_one_beats_is_open(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data()
    path = both_questions(tmp_path, data)
    path.write_text(re.sub(r"(Prompt similarity,ours),\d", r"\1,1", path.read_text()), encoding="utf-8")
    page, tables = write(path, data, tmp_path / "out")
    assert tables["human_pareto"].set_index("method")["on_front"].to_dict() == {"ours": False, "ti-m": True}
    assert re.findall(r'<circle class="(\w+)"', page) == ["off", "on"]


def test_the_page_says_who_was_left_out_and_escapes_names(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(methods=("ours", '"><script>'))
    path = both_questions(tmp_path, data)
    named = path.read_text().replace("ti-m", '"""><script>"')
    path.write_text(named, encoding="utf-8")
    raters = tmp_path / "raters" / "raters.csv"
    raters.parent.mkdir()
    raters.write_text("rater,left_out\nr0,\n<b>r1</b>,failed 2 attention checks of 2\n", encoding="utf-8")
    report = configure("reports", f"user-study[answers={path},raters={raters}]").instance
    page = report.write(data, tmp_path / "out")[0].read_text(encoding="utf-8")
    assert "1 rater of 2 count; left out:" in page
    assert "&lt;b&gt;r1&lt;/b&gt;: failed 2 attention checks of 2" in page
    assert "<script" not in page
    raters.write_text("name\nr0\n", encoding="utf-8")
    with pytest.raises(UserError, match="no column rater"):
        report.write(data, tmp_path / "out")


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
