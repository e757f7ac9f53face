"""Display names: what a run calls its methods, in all that it writes for people, and in nothing that it is keyed by."""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.core.errors import UserError
from bench.plugins.spec import split_name
from bench.run.names import LONGEST, matched, written
from bench.run.select_methods import select_methods

DATASET = "playroom[scenes=2,formats=1,mix=1,0,0,samples=1,pool=20]"
RUN = ("run", "--dataset", DATASET, "--name", "r")
HALF = "quick[shade=0.5]"
Bench = Callable[..., int]


def files(folder: Path) -> dict[str, int]:
    """Every file below a folder, with when it was changed."""
    return {str(path): path.stat().st_mtime_ns for path in sorted(folder.rglob("*")) if path.is_file()}


def record() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path("runs/r/run.json").read_text(encoding="utf-8"))
    return content


def page() -> str:
    return Path("runs/r/report/pareto/pareto.html").read_text(encoding="utf-8")


def body() -> str:
    """The page without its script and style sheet."""
    return re.sub(r"<(script|style).*?</\1>", "", page(), flags=re.DOTALL)


def csvs() -> dict[str, pd.DataFrame]:
    return {file.name: pd.read_csv(file) for file in Path("runs/r/report/pareto").glob("*.csv") if file.stat().st_size}


def test_a_name_stands_before_the_spec_and_not_inside_its_brackets() -> None:
    assert split_name("Mine=import[from=ext]") == ("Mine", "import[from=ext]")
    assert split_name(" My own = ours:code ") == ("My own", "ours:code")
    assert split_name("ours[steps=3]") == (None, "ours[steps=3]")
    assert split_name("=ours") == ("", "ours")


def test_the_name_is_in_all_that_is_written_for_people(bench: Bench, finished: Path) -> None:
    kept = files(finished / "pictures") | files(finished / "scores") | files(finished / "units")
    assert bench(*RUN, "--methods", f"Mine=quick,Half=quick[shade=.5],{HALF}") == 0
    assert (record()["methods"], record()["names"]) == (["quick", "quick[shade=.5]"], {
        "quick": "Mine", "quick[shade=.5]": "Half",
    })  # fmt: skip
    assert set(pd.read_parquet(finished / "scores.parquet")["method"]) == {"quick", "quick[shade=.5]"}
    for name in ("summary.csv", "pareto.csv"):
        assert csvs()[name]["method"].tolist() == ["Mine", "Half"]
    for frame in csvs().values():
        told = {str(cell) for column in ("method", "first", "second") if column in frame for cell in frame[column]}
        assert told <= {"Mine", "Half", "nan", "all", ""}
    assert '<span class="name">Mine</span>' in body()
    assert "Mine is quick; Half is quick[shade=.5]" in body()
    assert body().count("quick[shade=.5]") == 2  # which method the name stands for, and the command
    now = files(finished)
    assert kept.items() <= now.items()


def test_a_later_start_changes_a_name_and_nothing_else(bench: Bench, finished: Path) -> None:
    before = files(finished / "pictures") | files(finished / "scores") | files(finished / "units")
    assert bench(*RUN, "--methods", "Mine=quick") == 0
    assert bench(*RUN, "--methods", "Yours=quick[]") == 0
    assert record()["names"] == {"quick": "Yours"}
    assert csvs()["summary.csv"]["method"].tolist() == ["Yours"]
    assert bench(*RUN, "--methods", "quick") == 0
    assert record()["names"] == {"quick": "Yours"}
    assert bench(*RUN, "--methods", "quick=quick") == 0
    assert (record()["methods"], record()["names"]) == (["quick"], {})
    assert files(finished / "pictures") | files(finished / "scores") | files(finished / "units") == before


def test_a_dry_run_keeps_no_name(bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(finished)
    assert bench(*RUN, "--methods", "Mine=quick", "--dry-run") == 0
    assert "runs/r: Mine; 2 units, 2 done" in capsys.readouterr().out
    assert files(finished) == before


@pytest.mark.parametrize(
    ("methods", "told"),
    [
        (f"A=quick,A={HALF}", "two methods would be called 'A': quick and quick[shade=0.5]"),
        (f"{HALF},quick[shade=0.7],quick=quick[shade=0.5]", "two methods would be called 'quick'"),
        ("A=quick,B=quick[]", "quick is called both 'A' and 'B'; give it one name"),
        ("=quick", "lacks a name or a method"),
        ("Mine=", "lacks a name or a method"),
        ("A=all", "'A=all' would name several methods alike"),
        ("a+b=quick", "may not have any of [],+="),
        ("a]=quick", "may not have any of [],+="),
        ("a\nb=quick", "nor what cannot be printed"),
        (f"{'x' * (LONGEST + 1)}=quick", "has 61 letters; at most 60 fit"),
    ],
)
def test_a_name_that_would_confuse_is_one_line(
    bench: Bench, finished: Path, methods: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(finished)
    assert bench(*RUN, "--methods", methods) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1
    assert told in error[0]
    assert files(finished) == before


def test_a_name_that_another_method_of_the_run_has_is_refused(
    bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(*RUN, "--methods", "Mine=quick", "--limit", "1") == 0
    before = record()
    for methods in (f"Mine={HALF}", f"quick={HALF}"):
        assert bench(*RUN, "--methods", methods) == 2
        assert "two methods would be called" in capsys.readouterr().err
    assert record() == before
    assert bench(*RUN, "--methods", f"Mine={HALF},Other=quick", "--limit", "1") == 0
    assert record()["names"] == {"quick": "Other", HALF: "Mine"}


def test_names_are_matched_whatever_the_spelling(drop_ins: Path) -> None:
    methods = ("quick", HALF)
    assert matched(methods, [("quick[]", "A"), ("quick[shade=.5]", "B")]) == {"quick": "A", HALF: "B"}
    assert matched(methods, [("quick", "A"), ("quick", "B"), (HALF, "A")]) == {"quick": "B", HALF: "A"}
    assert matched(methods, [("quick", "A"), ("quick[]", "quick")]) == {}
    assert written({"quick": "A"}, methods) == ("A=quick", HALF)
    assert select_methods(["A=quick", HALF, "quick[]"]).names == (("quick", "A"),)
    with pytest.raises(UserError, match=r"A=nothing|no method is called 'nothing'"):
        select_methods(["A=nothing"])


def test_reports_take_names_and_specs(bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(*RUN, "--methods", f"Mine={HALF},quick,Third=quick[shade=0.7]") == 0
    for methods, reference in (("Mine+quick", "quick"), (f"{HALF}+quick", HALF), ("Mine+quick", "Mine")):
        assert bench("report", "runs/r", "--report", f"pareto[methods={methods},reference={reference}]") == 0
        assert csvs()["summary.csv"]["method"].tolist() == ["Mine", "quick"]
        assert "this report is about Mine and quick alone; left out: Third." in body()
    assert bench("report", "runs/r", "--report", "pareto[methods=Yours]") == 2
    assert "no scores of a method 'Yours'; known: quick, Mine, Third" in capsys.readouterr().err


def test_a_method_is_taken_out_by_its_name(bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(*RUN, "--methods", f"Mine={HALF},Other=quick") == 0
    assert bench(*RUN, "--remove", "Yours") == 2
    assert "the run has no Yours; it has Other=quick, Mine=quick[shade=0.5]" in capsys.readouterr().err
    assert bench(*RUN, "--remove", "Mine") == 0
    assert "took out Mine; left: Other=quick" in capsys.readouterr().out
    assert (record()["methods"], record()["names"]) == (["quick"], {"quick": "Other"})
    assert bench("report", "runs/r") == 0
    assert csvs()["summary.csv"]["method"].tolist() == ["Other"]
    assert bench(*RUN, "--methods", f"Mine={HALF}") == 0
    assert bench(*RUN, "--remove", f"Mine={HALF}") == 0
    assert record()["methods"] == ["quick"]


STRANGE = """<b>"Ours" & 'co'</b></script>"""


def test_any_name_is_safe_on_the_page_and_in_the_command(bench: Bench, finished: Path) -> None:
    unicode = "méthode 我的 %{x} $(touch bad)"
    assert bench(*RUN, "--methods", f"{STRANGE}=quick,{unicode}={HALF}") == 0
    assert csvs()["summary.csv"]["method"].tolist() == [STRANGE, unicode]
    assert STRANGE not in page()
    assert html.escape(STRANGE).replace("&quot;", "&#34;").replace("&#x27;", "&#39;") in body()
    assert "<b>&#34;" not in body()
    assert page().count("<script") == page().count("</script>")
    words = shlex.split(html.unescape(body().partition("<pre>bench ")[2].partition("</pre>")[0]))
    Path("runs").rename("before")
    assert bench(*words) == 0
    assert record()["names"] == {"quick": STRANGE, HALF: unicode}
