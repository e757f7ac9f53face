"""The Pareto report of chosen methods and of whatever metrics a run has."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.core.errors import UserError
from bench.plugins.metric import Column
from bench.plugins.report import ReportData
from bench.plugins.spec import configure

MakeData = Callable[..., ReportData]


def write(data: ReportData, out: Path) -> tuple[str, pd.DataFrame, pd.DataFrame]:
    page, points, summary, *_ = configure("reports", "pareto").instance.write(data, out)
    return page.read_text(encoding="utf-8"), pd.read_csv(points), pd.read_csv(summary)


def body(page: str) -> str:
    """The page without its script and style sheet."""
    return re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL)


def test_a_metric_without_a_value_is_left_out_with_the_reason(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data()
    data.table["lpips_diversity"], data.table["diversity_reason"] = float("nan"), "one sample of the prompt"
    data.table["background_copy"], data.table["copy_reason"] = float("nan"), ""
    page = body(write(data, tmp_path / "out")[0])
    assert page.count("lpips-diversity") == page.count("background-copy") == 1
    assert (
        "Left out of this page, as no picture has a value: lpips-diversity (one sample of the prompt) and "
        "background-copy (no reason was recorded)."
    ) in page
    assert pd.read_csv(tmp_path / "out" / "summary.csv")["lpips_diversity"].isna().all()


def test_one_weak_control_leaves_the_other_pairs_on_the_page(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(scenes=4, methods=("ours", "ti-m", "weak"))
    data.table.loc[(data.table["method"] == "weak") & (data.table["scene"] == "scene-0"), "identity_similarity"] = None
    page = " ".join(body(write(data, tmp_path / "out")[0]).split())
    assert "Identity similarity: ours" in page
    tests = pd.read_csv(tmp_path / "out" / "tests.csv")
    rows = tests[(tests["metric"] == "identity-similarity") & tests["test"].str.startswith("Wilcoxon")]
    assert dict(zip(zip(rows["first"], rows["second"], strict=True), rows["n"], strict=True)) == {
        ("ours", "ti-m"): 4, ("ours", "weak"): 3, ("ti-m", "weak"): 3,
    }  # fmt: skip
    assert rows.set_index(["first", "second"])["p"].notna().tolist() == [True, False, False]


@pytest.mark.parametrize("methods", [("real", "ours", "ti-m"), ("real", "copy-paste"), ("real",)])
def test_controls_are_shown_and_do_not_compete(make_data: MakeData, tmp_path: Path, methods: tuple[str, ...]) -> None:
    controls = ("real", "copy-paste")
    data = dataclasses.replace(make_data(methods=methods), controls=controls)
    real = data.table["method"] == "real"
    data.table.loc[real, ["prompt_similarity", "identity_similarity"]] += 0.5
    page, points, _ = write(data, tmp_path / "out")
    front = points.loc[points["pareto"], "method"].tolist()
    assert points["method"].tolist() == list(methods)
    assert front == [name for name in methods if name not in controls]
    told = " ".join(body(page).split())
    assert "the Pareto front of the means, for which controls do not compete." in told
    assert told.count("<small>a control</small>") == sum(name in controls for name in methods)
    sure = pd.read_csv(tmp_path / "out" / "front.csv")["method"].tolist()
    assert sure == ([*front, "all together"] if front else [])
    assert not re.findall(r"\bnan\b|\binf\b", re.sub('base64,[^"]*', "", body(page)))


@pytest.mark.parametrize(
    ("lacking", "sentence"),
    [
        (("identity_similarity",), "There is no plot: the run&#39;s metrics have no identity similarity."),
        (
            ("prompt_similarity", "identity_similarity"),
            "There is no plot: the run&#39;s metrics have no prompt similarity and no identity similarity.",
        ),
    ],
)
def test_a_run_without_an_axis_is_reported_without_a_plot(
    outline: Callable[[str], Any], make_data: MakeData, tmp_path: Path, lacking: tuple[str, ...], sentence: str
) -> None:
    data = make_data()
    mine = Column("mine", "what I measure", better="lower", range=(0.0, 1.0))
    rest = tuple(metric for metric in data.metrics if metric.name not in lacking)
    table = data.table.drop(columns=[*lacking, "similarity_to", "swapped", "identity[fill=grey]"]).assign(mine=0.25)
    table["mine"] += 0.1 * (table["method"] == "ti-m") + 0.001 * table["scene"].str[-1].astype(int)
    page, points, summary = write(dataclasses.replace(data, table=table, metrics=(*rest, mine)), tmp_path / "out")
    told = " ".join(body(page).split())
    assert sentence in told
    assert outline(body(page)).open == []
    assert "mine ↓" in told
    assert "depends on how identity similarity is read" not in told
    # Under pictures stand the axes that the run has, or all its metrics.
    assert ("</span>[v1] cat detection rate</dt> <dd>1.000</dd>" in told) == (len(lacking) == 2)
    assert ("<dt>mine</dt>" in told) == (len(lacking) == 2)
    assert not points["pareto"].any()
    assert summary["mine"].tolist() == pytest.approx([0.2525, 0.3525])
    assert not re.findall(r"\bnan\b", re.sub('base64,[^"]*', "", body(page)))


def test_without_any_compared_metric_there_is_a_page(make_data: MakeData, tmp_path: Path) -> None:
    page, _, _ = write(dataclasses.replace(make_data(), metrics=()), tmp_path / "out")
    assert "No metric has a value, so there is nothing to compare." in page


def test_methods_are_chosen_and_ordered(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(methods=("real", "ours", "ti-m", "ours[steps=1,flip=0]"))
    spec = "pareto[methods=ti-m + ours[steps=1,flip=0]+ours,reference=ours]"
    page, *_ = configure("reports", spec).instance.write(data, tmp_path / "out")
    told = body(page.read_text(encoding="utf-8"))
    order = ["ti-m", "ours[steps=1,flip=0]", "ours"]
    assert pd.read_csv(tmp_path / "out" / "summary.csv")["method"].tolist() == order
    assert "this report is about ti-m, ours[steps=1,flip=0] and ours alone; left out: real." in told
    assert re.search("Prompt similarity: ours (is|seems|cannot)[^;.]* ti-m ", told)
    assert "real" not in re.sub("left out: real", "", told).split('id="how"')[0].replace("real?", "")
    alone = dataclasses.replace(data, table=data.table[data.table["method"] != "real"])
    configure("reports", "pareto").instance.write(alone, tmp_path / "alone")
    columns = ["method", "prompt_similarity", "identity_similarity_low"]
    chosen, whole = (pd.read_csv(tmp_path / name / "summary.csv")[columns] for name in ("out", "alone"))
    assert chosen.set_index("method").to_dict() == whole.set_index("method").to_dict()


def test_others_are_compared_with_the_first_that_is_no_control(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(methods=("real", "ours", "ti-m"))
    assert "Prompt similarity: real" in write(data, tmp_path / "one")[0]
    controlled = dataclasses.replace(data, controls=("real",))
    assert "Prompt similarity: ours" in write(controlled, tmp_path / "two")[0]
    every = dataclasses.replace(data, controls=("real", "ours", "ti-m"))
    assert "Prompt similarity: real" in write(every, tmp_path / "three")[0]


@pytest.mark.parametrize("field", ["methods=ours+oops", "reference=oops", "methods=ti-m,reference=ours"])
def test_an_unknown_method_is_one_line_with_the_known_ones(make_data: MakeData, tmp_path: Path, field: str) -> None:
    with pytest.raises(UserError, match=r"no scores of a method '(oops|ours)'; known: (ours, )?ti-m$") as raised:
        configure("reports", f"pareto[{field}]").instance.write(make_data(), tmp_path / "out")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_a_name_of_any_characters_is_shown_and_never_run(
    outline: Callable[[str], Any], make_data: MakeData, tmp_path: Path
) -> None:
    strange = ("<b>\"Ours\" & 'co'</b></script>", "%{x} 我的 <img src=x onerror=bad()>")
    page, points, _ = write(make_data(methods=strange), tmp_path / "out")
    assert points["method"].tolist() == list(strange)
    assert outline(body(page)).open == []
    assert not any(name in page for name in strange)
    assert "<img src=x" not in page
    told = [html.unescape(text) for text in re.findall(r'data-told="(.*?)"', page, flags=re.DOTALL)]
    assert {text.partition("\n")[0] for text in told} == set(strange)
    assert "textContent" in page
    assert "innerHTML" not in page


def test_a_method_may_be_chosen_by_its_spec(make_data: MakeData, tmp_path: Path) -> None:
    data = dataclasses.replace(make_data(methods=("Mine", "ti-m")), specs={"Mine": "ours[steps=1,flip=0]"})
    spec = "pareto[methods=ti-m+ours[steps=1,flip=0],reference=ours[steps=1,flip=0]]"
    page, _, summary, *_ = configure("reports", spec).instance.write(data, tmp_path / "out")
    assert pd.read_csv(summary)["method"].tolist() == ["ti-m", "Mine"]
    assert "Prompt similarity: Mine" in page.read_text(encoding="utf-8")
