"""The answers of a user study: a CSV with a row an answer, checked before anything is worked out."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from bench.core.errors import UserError
from bench.stats.results import Unit

Kind = Literal["ratings", "choices", "rankings"]
NEUTRAL = "neutral"
SCALE = (1, 5)

COLUMNS: dict[Kind, tuple[str, ...]] = {
    "ratings": ("rater", "item", "method", "rating"),
    "choices": ("rater", "item", "first", "second", "choice"),
    "rankings": ("rater", "item", "method", "rank"),
}
"""What tells the kinds of study apart: a row is one rating, one choice between two methods, or one method's rank."""
OPTIONAL = ("question", "scene", "picture")


@dataclass(frozen=True, eq=False)
class Answers:
    """One question of one study. `frame` has the kind's `COLUMNS`, `cluster` and, if the file has them, `scene` and
    `picture`; everything but `rating` and `rank` is text.

    `cluster` is what answers are independent across: the scene where the file names it, else the item. `unit` says
    which.
    """

    kind: Kind
    question: str
    frame: pd.DataFrame
    unit: Unit

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods in the file's order."""
        columns = ["first", "second"] if self.kind == "choices" else ["method"]
        return tuple(dict.fromkeys(str(name) for name in np.ravel(self.frame[columns])))


def read_answers(path: Path) -> tuple[Answers, ...]:
    """Read a CSV of answers, one `Answers` per question.

    Columns `rater,item` and, for ratings 1 to 5, `method,rating`; for forced choices `first,second,choice` (a choice is
    one of both names or "neutral"); for rankings `method,rank` (1 is best, every rater ranks all methods of an item).
    Optional: `question`, `scene` (the scene of the item), `picture` (its identity in scores.parquet).
    Raises `UserError` for a file that cannot be read as such, naming the row.
    """
    frame = read_csv(path)
    kind = _kind(path, frame)
    text = frame.astype(dict.fromkeys(frame.columns, "str"))
    checked = {"ratings": _check_ratings, "choices": _check_choices, "rankings": _check_rankings}[kind](path, text)
    clustered = checked.assign(cluster=checked["scene" if "scene" in checked else "item"])
    if "question" not in clustered:
        clustered["question"] = path.stem
    unit: Unit = "scenes" if "scene" in clustered else "items"
    groups = clustered.groupby("question", sort=False)
    return tuple(Answers(kind, str(question), rows.reset_index(drop=True), unit) for question, rows in groups)


def read_csv(path: Path) -> pd.DataFrame:
    """A CSV's cells as stripped text; lines that begin with # are comments.

    Raises `UserError` if there is no such file, if it is no CSV or if it has no row.
    """
    try:
        # without a header of its own pandas shifts no column where rows have more cells, and renames no duplicate
        text = io.StringIO(_uncommented(path))
        cells = pd.read_csv(text, dtype=str, keep_default_na=False, skipinitialspace=True, header=None)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no CSV: {str(error).splitlines()[0]}") from None
    cells = pd.DataFrame({name: cells[name].fillna("").str.strip() for name in cells.columns})
    names = [str(name) for name in cells.iloc[0]]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise UserError(f"{path} has the column '{twice[0]}' twice; give each a name of its own")
    if len(cells) == 1:
        raise UserError(f"{path} has no row below its header")
    rows = cells.iloc[1:].reset_index(drop=True)
    rows.columns = pd.Index(names)
    return rows


def _uncommented(path: Path) -> str:
    """The file's text with its comment lines blank: pandas' own comments begin at any #, also within a cell."""
    with path.open(encoding="utf-8-sig") as lines:
        return "".join("\n" if line.startswith("#") else line for line in lines)


def _kind(path: Path, frame: pd.DataFrame) -> Kind:
    for kind, columns in COLUMNS.items():
        if set(columns) <= set(frame.columns):
            known = {*columns, *OPTIONAL}
            if unknown := [name for name in frame.columns if name not in known]:
                raise UserError(f"{path} has a column '{unknown[0]}'; {kind} have {', '.join((*columns, *OPTIONAL))}")
            return kind
    needed = "; ".join(f"{kind}: {', '.join(columns)}" for kind, columns in COLUMNS.items())
    raise UserError(f"{path} has columns {', '.join(frame.columns)}; a study needs {needed}")


def _check_ratings(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    rated = _numbers(path, frame, "rating")
    outside = rated[~rated["rating"].between(*SCALE)]
    if len(outside):
        raise UserError(f"{path}, {_row(outside)}: rating {outside['rating'].iloc[0]:g} is not on the scale 1 to 5")
    return _unique(path, rated, ["method"])


def _check_choices(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    wrong = frame[(frame["choice"] != frame["first"]) & (frame["choice"] != frame["second"])]
    wrong = wrong[wrong["choice"] != NEUTRAL]
    if len(wrong):
        one = wrong.iloc[0]
        expected = f"'{one['first']}', '{one['second']}' or '{NEUTRAL}'"
        raise UserError(f"{path}, {_row(wrong)}: choice '{one['choice']}' is none of {expected}")
    same = frame[frame["first"] == frame["second"]]
    if len(same):
        raise UserError(f"{path}, {_row(same)}: '{same['first'].iloc[0]}' is compared with itself")
    low, high = frame[["first", "second"]].min(axis=1), frame[["first", "second"]].max(axis=1)
    _unique(path, frame.assign(low=low, high=high), ["low", "high"])
    return frame


def _check_rankings(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    ranked = _unique(path, _numbers(path, frame, "rank"), ["method"])
    methods = ranked["method"].nunique()
    for keys, rows in ranked.groupby([*_questions(ranked), "rater", "item"], sort=False):
        if sorted(rows["rank"]) != list(range(1, methods + 1)):
            *_, rater, item = keys
            raise UserError(f"{path}: rater '{rater}' does not give item '{item}' the ranks 1 to {methods}, each once")
    return ranked


def _numbers(path: Path, frame: pd.DataFrame, column: str) -> pd.DataFrame:
    numbers = pd.to_numeric(frame[column], errors="coerce")
    if numbers.isna().any():
        bad = frame[numbers.isna()]
        raise UserError(f"{path}, {_row(bad)}: {column} '{bad[column].iloc[0]}' is no number")
    return frame.assign(**{column: numbers.astype("float64")})


def _unique(path: Path, frame: pd.DataFrame, what: list[str]) -> pd.DataFrame:
    again = frame[frame.duplicated([*_questions(frame), "rater", "item", *what])]
    if len(again):
        raise UserError(f"{path}, {_row(again)}: rater '{again['rater'].iloc[0]}' answers this twice")
    return frame


def _questions(frame: pd.DataFrame) -> list[str]:
    return ["question"] if "question" in frame else []


def _row(frame: pd.DataFrame) -> str:
    """The first of some rows, counted as a spreadsheet does, with the header as row 1."""
    return f"row {int(frame.index[0]) + 2}"


def read_rater_checks(path: Path) -> list[dict[str, str]]:
    """The rows of a `raters.csv`: what was found of each rater of a study, as text by column.

    Raises `UserError` for a file that cannot be read, or lacks `rater` or `left_out`.
    """
    frame = read_csv(path)
    if missing := [name for name in ("rater", "left_out") if name not in frame]:
        raise UserError(f"{path} has no column {missing[0]}; it is to be the raters.csv of `bench study analyse`")
    return [{str(name): str(value) for name, value in row.items()} for row in frame.to_dict("records")]
