"""Published tables as CSV: read and checked; a number keeps how precisely it was printed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

import pandas as pd

from bench.core.errors import UserError
from bench.stats.user_study.answers import read_csv

Kind = Literal["means", "choices", "ranks"]
REFERENCE = "reference"
ALL = "all"
MOST_RATING = 1000
"""The greatest rating of a scale: chances of every rating on it are worked out."""
_LONGEST = 40
"""Most characters of a printed number."""

COLUMNS: dict[Kind, tuple[str, ...]] = {
    "means": ("method", "measure", "mean", "spread", "n", "p"),
    "choices": ("comparison", "first", "second", "first_percent", "neutral_percent", "second_percent", "n"),
    "ranks": ("method", "mean_rank", "n", "p"),
}
"""What tells the kinds of table apart."""


@dataclass(frozen=True)
class Printed:
    """A number as printed: its true value lies within `half` of `value`."""

    value: float
    half: float

    @property
    def low(self) -> float:
        """The least true value."""
        return self.value - self.half

    @property
    def high(self) -> float:
        """The greatest true value."""
        return self.value + self.half


@dataclass(frozen=True)
class Claim:
    """A printed p value: `relation` to `p`, as in "< 1e-10", in the units of log10 too."""

    text: str
    relation: Literal["<", ">", "="]
    p: Printed

    @property
    def log10(self) -> float:
        """log10 of the printed value."""
        return math.log10(self.p.value)

    def fits(self, low: float, high: float) -> bool:
        """Whether a p value whose log10 lies between `low` and `high` can be what was printed."""
        if self.relation == "<":
            return low < self.log10
        if self.relation == ">":
            return high > self.log10
        return bool(10.0**low <= self.p.high and 10.0**high >= self.p.low)


@dataclass(frozen=True, eq=False)
class Table:
    """A published table. `rows` are its cells as text; `source` and `notes` come from its comment lines.

    `paired`: the same people rated all methods. `scale`: the least and the greatest rating, if ratings they are.
    """

    name: str
    path: Path
    kind: Kind
    rows: pd.DataFrame
    source: str
    notes: tuple[str, ...]
    paired: bool
    scale: tuple[int, int] | None


def published() -> tuple[Path, ...]:
    """The papers' tables that ship with the package."""
    folder = Path(str(resources.files("bench.stats.audit"))) / "published"
    return tuple(sorted(folder.glob("*.csv")))


def find_table(text: str) -> Table:
    """Read a CSV by its path, or a published table by its name.

    Raises `UserError` if it is neither, or malformed.
    """
    known = {path.stem: path for path in published()}
    if text not in known and not Path(text).exists():
        raise UserError(f"no table '{text}': neither a file nor one of the published ones ({', '.join(known)})")
    return read_table(known.get(text, Path(text)))


def read_table(path: Path) -> Table:
    """Read a table: comment lines `# source: ...`, `# note: ...`, `# design: paired`, `# scale: 1 5`, then the CSV.

    Raises `UserError` naming the file and what is wrong.
    """
    rows = read_csv(path)
    facts = _facts(path)
    kind = _kind(path, rows)
    return Table(
        name=path.stem,
        path=path,
        kind=kind,
        rows=rows,
        source="; ".join(facts.get("source", [])) or str(path),
        notes=tuple(facts.get("note", [])),
        paired="paired" in facts.get("design", []),
        scale=_scale(path, facts["scale"][0]) if "scale" in facts else None,
    )


def number(table: Table, row: int, column: str) -> Printed | None:
    """A cell as a number with its precision, None if the cell is empty.

    Raises `UserError` if it is something else, or negative.
    """
    text = str(table.rows[column].iloc[row]).removesuffix("%").strip()
    if not text:
        return None
    if len(text) > _LONGEST or re.fullmatch(r"[0-9]+(\.[0-9]*)?|\.[0-9]+", text) is None:
        raise UserError(f"{table.path}, row {row + 2}: {column} '{text:.40}' is no number")
    decimals = len(text.partition(".")[2])
    return Printed(float(text), 0.5 * 10.0**-decimals)


def count(table: Table, row: int) -> int | None:
    """The cell `n`, None if it is empty; raises `UserError` if it is no whole number above 0."""
    text = str(table.rows["n"].iloc[row])
    if not text:
        return None
    if re.fullmatch(r"[0-9]{1,9}", text) is None or int(text) == 0:
        raise UserError(f"{table.path}, row {row + 2}: n '{text:.40}' is no whole number above 0, of 9 digits at most")
    return int(text)


def claim(table: Table, row: int) -> Claim | None:
    """The cell `p` as what it claims, None if it claims nothing ("" or "reference").

    Raises `UserError` if it is something else.
    """
    text = str(table.rows["p"].iloc[row])
    if text in ("", REFERENCE):
        return None
    match = re.fullmatch(r"([<>=]?)\s*(\d*\.?\d+(?:[eE][+-]?\d+)?)", text)
    value = float(match[2]) if match and len(text) <= _LONGEST else 0.0
    if match is None or not 0 < value <= 1:
        raise UserError(
            f"{table.path}, row {row + 2}: p '{text:.40}' is not understood; write < 1e-10, 0.03 or reference"
        )
    relation: Literal["<", ">", "="] = "<" if match[1] == "<" else ">" if match[1] == ">" else "="
    mantissa = re.split("[eE]", match[2])[0]
    unit = 10.0 ** (math.log10(value / float(mantissa)) - len(mantissa.partition(".")[2]))
    return Claim(text if match[1] else f"= {text}", relation, Printed(value, 0.5 * unit))


def _facts(path: Path) -> dict[str, list[str]]:
    facts: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8-sig").splitlines():
        key, colon, value = line.removeprefix("#").partition(":")
        if line.startswith("#") and colon:
            facts.setdefault(key.strip(), []).append(value.strip())
    return facts


def _kind(path: Path, rows: pd.DataFrame) -> Kind:
    for kind, columns in COLUMNS.items():
        if set(columns) == set(rows.columns):
            return kind
    needed = "; ".join(f"{kind}: {','.join(columns)}" for kind, columns in COLUMNS.items())
    raise UserError(f"{path} has columns {','.join(rows.columns)}; an audit reads {needed}")


def _scale(path: Path, text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]{1,4})\s+([0-9]{1,4})", text)
    if match is None or not int(match[1]) < int(match[2]) <= MOST_RATING:
        known = f"write # scale: 1 5 (least and greatest rating, up to {MOST_RATING})"
        raise UserError(f"{path}: scale '{text:.40}' is not understood; {known}")
    return int(match[1]), int(match[2])
