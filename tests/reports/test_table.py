"""The report table: the same numbers as a page, CSV, LaTeX and Markdown."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from bench.reports.table import Report
from markdown_it import MarkdownIt

from bench.core.errors import UserError
from bench.plugins.report import ReportData
from bench.reporting.paper_table import PaperCell, latex, markdown
from bench.stats.intervals import Interval

MakeData = Callable[..., ReportData]
HOSTILE = '"><script>alert(1)</script> 50% & $x_1^2$ #{a}|~\\end'


def graded(data: ReportData, **steps: float) -> ReportData:
    """The run with each method's prompt similarity of a scene this much above the scene's own."""
    base = data.table["scene"].str[-1].astype(int) / 100 + 0.2
    # Scenes do not differ by the very same amount, so that ranks are distinct.
    wobble = 1 + data.table["scene"].str[-1].astype(int) / 50
    data.table["prompt_similarity"] = base + data.table["method"].map(steps) * wobble
    return data


def latex_rows(text: str) -> list[list[str]]:
    """The cells of the rows of a tabular; an escaped & is no border."""
    body = text.partition("\\toprule")[2].partition("\\bottomrule")[0]
    rows = [row.replace("\\midrule", "").strip() for row in re.split(r"\\\\\n", body)]
    return [re.split(r"(?<!\\)&", row) for row in rows if row]


def assert_well_formed(text: str, columns: int) -> None:
    """Braces and environments close in order, no special sign is left, and every row is as wide as the table."""
    depth = 0
    for sign in re.findall(r"(?<!\\)(?:\\\\)*([{}])", text):
        depth += 1 if sign == "{" else -1
        assert depth >= 0
    assert depth == 0
    opened: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == []
    code = re.sub(r"(?m)^%.*$", "", text)
    assert not re.search(r"(?<!\\)[%#]", code)
    assert len(re.findall(r"(?<!\\)\$", code)) % 2 == 0
    for row in latex_rows(text):
        span = re.match(r"\\multicolumn\{(\d+)\}", row[0].strip())
        assert len(row) == columns if span is None else (len(row), int(span[1])) == (1, columns)


def test_best_and_reference_are_what_wilcoxon_and_holm_say(make_data: MakeData, tmp_path: Path) -> None:
    data = graded(make_data(8, methods=("ours", "ti-m", "db-m")), **{"ours": 0.1, "ti-m": 0.05, "db-m": 0.0})
    page, tex, _, _, csv = Report("prompt").write(data, tmp_path / "out")
    frame = pd.read_csv(csv).set_index("method")
    assert frame["rank"].fillna("").to_dict() == {"ours": "best", "ti-m": "", "db-m": ""}
    # All 8 differences have one sign: p is 2 / 2^8, and Holm's correction of two equal p values doubles both.
    assert frame.loc[["ti-m", "db-m"], "p"].tolist() == pytest.approx([2 * 2 / 2**8] * 2)
    mean_wobble = 1 + 3.5 / 50
    assert frame.loc["ti-m", "difference"] == pytest.approx(-0.05 * mean_wobble)
    assert pd.isna(frame.loc["ours", "difference"])
    assert r"\mathbf{" in tex.read_text().partition("ours &")[2].partition("\n")[0]
    assert tex.read_text().count(r"^{\dagger}") == 3, "two rows, and the caption that says what it means"
    assert "†: differs from ours" in page.read_text()


def test_what_is_not_told_apart_from_the_best_is_marked(make_data: MakeData, tmp_path: Path) -> None:
    data = graded(make_data(6, methods=("ours", "ti-m")), **{"ours": 0.1, "ti-m": 0.1})
    odd = data.table["scene"].str[-1].astype(int) % 2 == 0
    data.table.loc[(data.table["method"] == "ti-m") & odd, "prompt_similarity"] -= 0.01
    data.table.loc[(data.table["method"] == "ti-m") & ~odd, "prompt_similarity"] += 0.009
    page, tex, text, _, csv = Report("prompt").write(data, tmp_path / "out")
    assert pd.read_csv(csv)["rank"].tolist() == ["best", "level"]
    assert r"\underline{" in tex.read_text()
    assert "Underlined: not shown to be worse" in page.read_text()
    assert "In italics: not shown to be worse" in text.read_text()


def test_controls_do_not_compete(make_data: MakeData, tmp_path: Path) -> None:
    data = graded(make_data(6, methods=("real", "ours", "ti-m")), **{"real": 0.3, "ours": 0.1, "ti-m": 0.0})
    data = dataclasses.replace(data, controls=("real",))
    _, tex, _, _, csv = Report("prompt").write(data, tmp_path / "out")
    frame = pd.read_csv(csv).set_index("method")
    assert (frame.loc["ours", "rank"], frame.loc["ours", "reference"]) == ("best", "ours")
    assert pd.isna(frame.loc["real", "rank"])
    assert tex.read_text().index("ti-m &") < tex.read_text().index("Controls") < tex.read_text().index("real &")


@pytest.mark.parametrize(("scenes", "methods"), [(1, ("ours",)), (1, ("ours", "ti-m")), (3, ("ours", "ti-m", "em"))])
def test_few_scenes_and_one_method_have_no_interval_and_no_test(
    make_data: MakeData, tmp_path: Path, scenes: int, methods: tuple[str, ...]
) -> None:
    page, tex, text, _, csv = Report().write(make_data(scenes, methods=methods), tmp_path / "out")
    assert pd.read_csv(csv)[["low", "p"]].isna().all(axis=None)
    for file in (page, tex, text):
        assert "no interval (fewer than 4 scenes)" in file.read_text()
        assert not re.search(r"\bnan\b", file.read_text())
        assert ("No difference is tested" in file.read_text()) == (len(methods) > 1)
    assert r"\pm" not in tex.read_text().partition(r"\toprule")[2]
    assert "†" not in text.read_text()
    assert "level" not in set(pd.read_csv(csv)["rank"])


def test_hostile_names_do_no_harm_in_any_form(make_data: MakeData, outline: type[Any], tmp_path: Path) -> None:
    data = make_data(5, methods=("ours", HOSTILE), labels=(HOSTILE, "cat"))
    data = dataclasses.replace(data, name=HOSTILE, banners=(f"{HOSTILE}\n\\input{{/etc/passwd}}",))
    page, tex, text, *_ = Report().write(data, tmp_path / "out")
    assert outline(page.read_text()).open == []
    assert "<script" not in page.read_text()
    assert_well_formed(tex.read_text(), columns=4)
    assert all(line.startswith("%") for line in tex.read_text().splitlines() if "passwd" in line)
    html = MarkdownIt("gfm-like", {"linkify": False}).render(text.read_text())
    assert "<script" not in html
    assert html.count("<td") % 4 == 0
    assert html.count("<table>") == 1


def test_the_table_for_latex_is_well_formed_and_has_every_number(make_data: MakeData, tmp_path: Path) -> None:
    _, tex, text, _, csv = Report("prompt+identity").write(make_data(6), tmp_path / "out")
    assert_well_formed(tex.read_text(), columns=3)
    assert len(latex_rows(tex.read_text())) == 1 + 2 + 1 + 1, "head, methods, title, difference"
    for row in pd.read_csv(csv).itertuples():
        assert f"{row.mean:.3f}" in tex.read_text()
        assert f"{row.mean:.3f}" in text.read_text()


def test_an_interval_that_is_not_symmetric_keeps_both_ends() -> None:
    cell = PaperCell(0.9, Interval(0.7, 1.0, 0.95, "Student t", 5))
    assert cell.ends == "[0.700, 1.000]"
    assert cell.halves == ("0.200", "0.100")
    assert PaperCell(0.9, Interval(0.8, 1.0, 0.95, "Student t", 5)).ends == "± 0.100"


def test_special_signs_are_escaped() -> None:
    assert latex("a_b & 5% [x]\n#1") == r"a\_b \& 5\% {[}x{]} \#1"
    assert markdown("a|b *c*\n# d") == r"a\|b \*c\* \# d"


def test_every_column_is_explained(make_data: MakeData, tmp_path: Path) -> None:
    files = Report().write(make_data(), tmp_path / "out")
    assert [file.name for file in files] == ["table.html", "table.tex", "table.md", "columns.md", "table.csv"]
    assert list(pd.read_csv(files[-1])) == list(Report.files["table.csv"].columns)


def test_an_unknown_metric_is_one_line(make_data: MakeData, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no metric 'beauty'") as caught:
        Report("pro+beauty").write(make_data(4), tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_a_short_label_of_two_metrics_is_one_line(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(4)
    other = dataclasses.replace(data.metrics[0], label="prompt-other")
    with pytest.raises(UserError, match=r"several metrics 'prompt\.\.\.'; it compares prompt-similarity"):
        Report("prompt").write(dataclasses.replace(data, metrics=(*data.metrics, other)), tmp_path / "out")
