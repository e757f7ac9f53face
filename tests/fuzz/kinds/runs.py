"""A finished run's own files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
from cases import Attack
from mutate.csv_text import mutate_csv
from mutate.files import mutate_file
from mutate.json_text import mutate_json
from mutate.words import evil, shown

from kinds.own_pictures import mutate_picture

MINE = ("--path", "mine")
RUN = ("run", "--dry-run", "--methods", "quick", "--name", "r", *MINE, "--dataset")
SAME = (*RUN, "playroom[scenes=2,formats=1,mix=1,0,0,samples=1,pool=20]")
REPORTS = (("report", "runs/r", *MINE), ("report", "runs/r", "--report", "masks", *MINE))


def records(rng: Random, place: Path, valid: Path) -> Attack:
    """JSON of the run: its settings, records and scores."""
    pattern = rng.choice(("run.json", "run.json", "units/*.json", "scores/*/*.json", "evaluators.json"))
    return _attack(rng, place, valid, pattern, mutate_json)


def tables(rng: Random, place: Path, valid: Path) -> Attack:
    """The table of scores."""
    return _attack(rng, place, valid, "scores.parquet", rng.choice((mutate_file, mutate_table, mutate_table)))


def notes(rng: Random, place: Path, valid: Path) -> Attack:
    """What fits noted of their masks."""
    attack = _attack(rng, place, valid, "fit_records/*.csv", mutate_csv)
    return Attack(attack.what, REPORTS[1])


def losses(rng: Random, place: Path, valid: Path) -> Attack:
    """The losses of fits."""
    attack = _attack(rng, place, valid, "losses/*.csv", mutate_csv)
    return Attack(attack.what, ("report", "runs/r", "--report", "training", *MINE))


def pictures(rng: Random, place: Path, valid: Path) -> Attack:
    """Generated pictures, and the dataset's in the run."""
    pattern = rng.choice(("pictures/*.png", "dataset/scenes/*/*.png"))
    return _attack(rng, place, valid, pattern, rng.choice((mutate_file, mutate_picture)))


def folders(rng: Random, place: Path, valid: Path) -> Attack:
    """Whole folders of the run, and any file in it."""
    return _attack(rng, place, valid, "**/*", _mutate_path)


def _attack(rng: Random, place: Path, valid: Path, pattern: str, mutate: Callable[[Random, Path], str]) -> Attack:
    for name in ("runs", "mine"):
        shutil.copytree(valid / name, place / name)
    file = rng.choice(sorted((place / "runs" / "r").glob(pattern)))
    told = mutate(rng, file)
    return Attack(
        f"{file.relative_to(place)}: {told}", rng.choice((SAME, *REPORTS, *REPORTS, ("score", "runs/r", *MINE)))
    )


def mutate_table(rng: Random, file: Path) -> str:
    """A column of the table is missing, of another type, empty or of odd text; or rows are gone or doubled."""
    frame = pd.read_parquet(file)
    column = rng.choice(list(frame.columns))
    odd = evil(rng).encode("utf-8", "replace").decode()
    ways: dict[str, Callable[[], pd.DataFrame]] = {
        "is missing": lambda: frame.drop(columns=column),
        "is of NaN": lambda: frame.assign(**{column: np.nan}),
        "is of inf": lambda: frame.assign(**{column: np.inf}),
        "is of None": lambda: frame.assign(**{column: None}),
        "is of lists": lambda: frame.assign(**{column: [[1, 2]] * len(frame)}),
        "is of integers": lambda: frame.assign(**{column: range(len(frame))}),
        "is of 1e308": lambda: frame.assign(**{column: 1e308}),
        f"is {shown(odd)}": lambda: frame.assign(**{column: odd}),
        "(and rows are gone)": lambda: frame.head(rng.choice((0, 1))),
        "(and rows are doubled)": lambda: pd.concat([frame, frame]),
        "is called otherwise": lambda: frame.drop(columns=odd, errors="ignore").rename(columns={column: odd}),
    }  # fmt: skip
    how = rng.choice(list(ways))
    ways[how]().to_parquet(file)
    return f"{column} {how}"


def _mutate_path(rng: Random, path: Path) -> str:
    if path.is_file():
        return mutate_file(rng, path)
    how = rng.choice(("missing", "a file", "unreadable", "read-only", "a link to itself"))
    if how in ("unreadable", "read-only"):
        path.chmod(0 if how == "unreadable" else 0o500)
        return how
    shutil.rmtree(path)
    if how == "a file":
        path.write_text("x")
    elif how == "a link to itself":
        path.symlink_to(path.name)
    return how


KINDS = {
    "run's records": records,
    "run's table": tables,
    "run's pictures": pictures,
    "run's folders": folders,
    "run's notes": notes,
    "run's losses": losses,
}
