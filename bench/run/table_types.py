"""What the cells of `scores.parquet` are: text, whole numbers or numbers. A damaged file may hold anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from bench.core.table import COLUMNS, COST, alternative_columns
from bench.plugins.metric import Column

Kind: TypeAlias = Literal["text", "a whole number", "a number", "text or empty"]
_WHOLE = ("seed", "sample", "concept")
_LARGEST = 1e100
"""Of a number: sums of squares of larger ones overflow."""
_SHOWN = 40


def kinds_of(columns: Iterable[Column]) -> dict[str, Kind]:
    """The kind of each common column and of each metric's: numbers where it is averaged, text where it is a reason.

    Averaged are the columns that are compared, and identity similarity by another setting. What other columns of a
    metric hold is the metric's affair.
    """
    common: dict[str, Kind] = {name: _common(name) for name in COLUMNS}
    known = tuple(columns)
    averaged: dict[str, Kind] = {column.name: "a number" for column in known if column.better is not None}
    averaged |= dict.fromkeys(alternative_columns(column.name for column in known), "a number")
    reasons: dict[str, Kind] = {column.reason: "text or empty" for column in known if column.reason}
    return {**common, **averaged, **reasons}


def cell_fault(kind: Kind, value: object) -> str | None:
    """A description of a value that is not of a kind, or None."""
    fits = {
        "text": isinstance(value, str),
        "text or empty": isinstance(value, str) or _is_nothing(value),
        "a whole number": isinstance(value, Integral) and not isinstance(value, bool),
        "a number": _is_nothing(value) or (isinstance(value, int | float) and abs(value) <= _LARGEST),
    }[kind]
    return None if fits else f"{str(value)[:_SHOWN]!r} is not {kind}"


def table_fault(table: pd.DataFrame, kinds: Mapping[str, Kind]) -> str | None:
    """A description of the first cell that is not of its column's kind, or None."""
    for name, kind in kinds.items():
        for row, value in enumerate(() if _all_fit(kind, table[name]) else table[name]):
            if fault := cell_fault(kind, value):
                return f"{name} in row {row + 1}: {fault}"
    return None


def _all_fit(kind: Kind, column: pd.Series[Any]) -> bool:
    """Whether the type of a column shows that every cell is of a kind; where it does not, each has to be looked at."""
    if kind == "a number":
        if not (isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiu"):
            return False
        return not (abs(column.astype(np.float64)) > _LARGEST).any()  # in single precision the bound is infinite
    if kind == "a whole number":
        return isinstance(column.dtype, np.dtype) and column.dtype.kind in "iu"
    return isinstance(column.dtype, pd.StringDtype) and (kind == "text or empty" or not column.isna().any())


def _common(name: str) -> Kind:
    if name.startswith(COST):
        return "a number"
    return "a whole number" if name in _WHOLE else "text"


def _is_nothing(value: object) -> bool:
    """Whether it is None or NaN, which mean that there is no value."""
    return value is None or value is pd.NA or (isinstance(value, float) and value != value)  # noqa: PLR0124 - NaN
