"""Which cells of a table of scores are refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.core.table import COLUMNS, alternative_column
from bench.plugins.metric import Column
from bench.run.table_types import cell_fault, kinds_of, table_fault

GREY = alternative_column("fill=grey")
KINDS = kinds_of(
    [Column("level", "how bright", better="higher", reason="why"), Column("kept", "of any kind"), Column(GREY, "grey")]
)


def test_every_common_column_has_a_kind_and_of_a_metrics_those_that_are_averaged_or_reasons() -> None:
    assert set(KINDS) == {*COLUMNS, "level", "why", GREY}
    assert KINDS[GREY] == "a number"
    assert KINDS["concept"] == "a whole number"
    assert KINDS["cost_fit_seconds"] == "a number"
    assert KINDS["scene"] == "text"
    assert KINDS["why"] == "text or empty"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", "a"), ("text", ""), ("text or empty", None), ("text or empty", math.nan), ("a whole number", 3),
        ("a whole number", np.int64(3)), ("a number", 2.5), ("a number", 3), ("a number", True), ("a number", math.nan),
        ("a number", None), ("a number", np.float64(0.5)), ("a number", -1e100),
    ],
)  # fmt: skip
def test_values_that_fit(kind: Any, value: object) -> None:
    assert cell_fault(kind, value) is None


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", None), ("text", 3), ("text", ["a"]), ("text or empty", 3.5), ("a whole number", 1.0),
        ("a whole number", True), ("a whole number", "1"), ("a number", "0.5"), ("a number", [0.5]), ("a number", {}),
        ("a number", math.inf), ("a number", 10**400), ("a number", 1e101),
    ],
)  # fmt: skip
def test_values_that_do_not(kind: Any, value: object) -> None:
    told = cell_fault(kind, value)
    assert told is not None
    assert told.endswith(f"is not {kind}")
    assert len(told) < 80


def test_the_first_wrong_cell_is_told_with_its_row() -> None:
    table = pd.DataFrame({"scene": ["a", "b"], "level": [0.5, "bright"]})
    kinds = {"scene": KINDS["scene"], "level": KINDS["level"]}
    assert table_fault(table, kinds) == "level in row 2: 'bright' is not a number"
    assert table_fault(table.head(1), kinds) is None


@pytest.mark.parametrize(
    ("kind", "column", "row"),
    [
        ("a number", pd.Series([0.5, math.nan, math.inf]), 3), ("a number", pd.Series([1, 10**6]), None),
        ("a number", pd.Series([0.5, -1e101]), 2), ("a number", pd.Series([0.5, math.nan]), None),
        ("a whole number", pd.Series([1, 2]), None), ("a whole number", pd.Series([1.0, 2.0]), 1),
        ("a whole number", pd.Series([True, False]), 1), ("text", pd.Series(["a", None], dtype="string"), 2),
        ("text or empty", pd.Series(["a", None], dtype="string"), None), ("text", pd.Series([1, 2]), 1),
    ],
)  # fmt: skip
def test_typed_columns_are_told_as_their_cells_are(kind: Any, column: pd.Series[Any], row: int | None) -> None:
    fault = table_fault(pd.DataFrame({"it": column}), {"it": kind})
    assert (fault is None) if row is None else (fault or "").startswith(f"it in row {row}: ")
