"""What of a run a report tells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.core.errors import UserError
from bench.core.scenes import Dataset
from bench.plugins.metric import Column
from bench.plugins.report import ReportData
from bench.reporting.selection import left_out, main_metrics, reference_of, with_methods, with_values
from bench.scoring.catalogue import METRICS

SIZE = Column("size", "how large it is", better="lower", reason="size_reason")
SHARP = Column("sharp", "whether it is sharp", better="higher")


def run(*methods: str) -> ReportData:
    """Two rows per method, in turns."""
    table = pd.DataFrame({"method": [*methods, *methods], "row": range(2 * len(methods))})
    return ReportData(
        name="run",
        run_folder=Path(),
        table=table,
        dataset=Dataset("tiny", ()),
        facts={},
        methods={method: {"steps": 1} for method in methods},
        metrics=(),
        preset={},
        banners=("Partial.",),
        done_units=1,
        planned_units=1,
        seen_in_prior=dict.fromkeys(methods, ("in the snow",)),
    )


def test_chosen_methods_stand_in_their_order_with_their_rows() -> None:
    chosen = with_methods(run("a", "b", "c"), "c+a")
    assert list(zip(chosen.table["method"], chosen.table["row"], strict=True)) == [
        ("c", 2),
        ("c", 5),
        ("a", 0),
        ("a", 3),
    ]
    assert (list(chosen.methods), list(chosen.seen_in_prior)) == (["c", "a"], ["a", "c"])
    assert chosen.banners == ("Partial.", "By choice this report is about c and a alone; left out: b.")


def test_all_methods_in_another_order_leave_nothing_out() -> None:
    assert with_methods(run("a", "b"), "b+a+b").banners == ("Partial.",)
    assert with_methods(run("a", "b"), "b+a+b").table["method"].tolist() == ["b", "b", "a", "a"]
    data = run("a", "b")
    assert with_methods(data, " ") is data


def test_a_plus_within_brackets_belongs_to_the_method() -> None:
    chosen = with_methods(run("a[x=1+2]", "b", "c"), "a[x=1+2]+b")
    assert chosen.table["method"].unique().tolist() == ["a[x=1+2]", "b"]


@pytest.mark.parametrize("spec", ["a+d", "a++b", "+", "d"])
def test_an_unknown_method_names_the_known_ones(spec: str) -> None:
    with pytest.raises(UserError, match=r"known: a, b, c$"):
        with_methods(run("a", "b", "c"), spec)


def test_the_reference_is_the_first_candidate() -> None:
    data = replace(run("real", "a", "b"), controls=("real",))
    assert [reference_of(data, ""), reference_of(data, "b"), reference_of(data, "real")] == ["a", "b", "real"]
    assert reference_of(replace(data, controls=("real", "a", "b")), "") == "real"
    with pytest.raises(UserError, match="no scores of a method 'c'; known: real, a, b"):
        reference_of(data, "c")


def test_the_axes_come_first_and_without_any_all_do() -> None:
    assert [metric.label for metric in main_metrics([SIZE, *reversed(METRICS)])] == [
        "prompt-similarity",
        "identity-similarity",
    ]
    assert main_metrics([SIZE, SHARP]) == (SIZE, SHARP)


def test_metrics_without_a_value_are_named_with_their_reasons() -> None:
    reasons = ["too dark", "no\n face", "", "too dark", "blurred", "blurred", "cut"]
    table = pd.DataFrame({"size": float("nan"), "size_reason": reasons, "sharp": [None, False, *[None] * 5]})
    assert with_values(table, [SIZE, SHARP]) == (SHARP,)
    told = "Left out of this page, as no picture has a value: size (too dark, blurred and 2 other reasons)."
    assert left_out(table, [SIZE, SHARP]) == told
    assert left_out(table.iloc[:3], [SIZE]).endswith("size (too dark and no face).")
    assert "size (no reason was recorded) and sharp (no reason was recorded)" in left_out(
        table[["size", "sharp"]].iloc[:1], [SIZE, SHARP]
    )
    assert left_out(table, [SHARP]) == ""
