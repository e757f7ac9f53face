"""The entries of a leaderboard: every method of every run, and what it may be compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bench.core.errors import UserError
from bench.plugins.spec import configure, spec_name
from bench.reporting.runs.recorded import RecordedRun, open_recorded
from bench.stats.scene_means import PICTURE
from bench.stats.summary import Summary, summarise


@dataclass(frozen=True, eq=False)
class BoardEntry:
    """One method of one run."""

    run: RecordedRun
    method: str

    @property
    def name(self) -> str:
        """`ours (runs/mine)`: the method and its run."""
        return f"{self.method} ({self.run.path})"

    @property
    def spec(self) -> str:
        """The method's spec."""
        return self.run.spec(self.method)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Its rows of the run's table."""
        return self.run.table[self.run.table["method"] == self.method]

    @cached_property
    def pictures(self) -> frozenset[str]:
        """The keys of its pictures."""
        return frozenset(self.rows["picture"])

    @cached_property
    def prompts(self) -> frozenset[tuple[Any, ...]]:
        """Scene, prompt and sample of its pictures."""
        return frozenset(self.rows[PICTURE].drop_duplicates().itertuples(index=False, name=None))

    @property
    def tuned(self) -> bool:
        """Whether its settings were tuned: the run has tuned settings, and the method has fields set."""
        return bool(self.run.settings.tuned) and "[" in self.spec

    @property
    def board(self) -> tuple[str, str, int, bool]:
        """What entries of one board have in common: dataset, preset with its models and scoring, seed, tuned or not."""
        settings, run = self.run.settings, self.run
        return settings.dataset_hash, f"{run.preset} {run.preset_digest} {run.scoring}", settings.seed, self.tuned

    @cached_property
    def summary(self) -> Summary:
        """Its means with their intervals, and its costs."""
        return summarise(self.rows, self.run.metrics)

    @property
    def control(self) -> bool:
        """Whether the method is a control, which has no rank; unknown methods are not."""
        return self.method in self.run.controls

    @property
    def version(self) -> str:
        """The versions of scenebench that worked on the run."""
        found = dict.fromkeys(one.get("scenebench", "?") for one in self.run.versions)
        return ", ".join(found) or "not recorded"

    @cached_property
    def recipe(self) -> tuple[str, int] | None:
        """The recipe of the dataset without its seed, and the seed, if it is drawn from one; else None."""
        try:
            found = configure("datasets", self.run.settings.dataset)
        except UserError:
            return None
        if "seed" not in (each.name for each in fields(found.instance)):
            return None
        others = {name: value for name, value in found.configuration.items() if name != "seed"}
        return f"{spec_name(found.spec)} {sorted(others.items())}", int(found.instance.seed)


def find_runs(places: Sequence[Path]) -> tuple[Path, ...]:
    """The runs' folders: each place is a run, or a folder of runs.

    Raises `UserError` for a place that is neither.
    """
    found: dict[Path, None] = {}
    for place in places:
        runs = [place] if (place / "run.json").is_file() else sorted(one.parent for one in place.glob("*/run.json"))
        if not runs:
            raise UserError(f"{place} is not a run (it has no run.json), nor a folder of runs")
        found |= dict.fromkeys(runs)
    return tuple(found)


def read_entries(paths: Iterable[Path], preset: str | None) -> tuple[tuple[BoardEntry, ...], tuple[str, ...]]:
    """Every method of every run, and why a run or a method is left out, a sentence each.

    A method whose very pictures an earlier run has is left out: merged runs hold copies.
    """
    entries: list[BoardEntry] = []
    left_out: list[str] = []
    taken: dict[tuple[object, frozenset[str]], BoardEntry] = {}
    for path in paths:
        try:
            run = open_recorded(path, preset)
        except UserError as error:
            left_out.append(f"{error}.")
            continue
        if run.folder.tuning.is_file():
            left_out.append(f"{path} has the trials of a tuning, which are no entries; `bench run --tuned` makes some.")
            continue
        for entry in (BoardEntry(run, method) for method in run.methods):
            earlier = taken.setdefault((entry.board, entry.pictures), entry)
            if earlier is entry:
                entries.append(entry)
            else:
                left_out.append(f"{entry.name} has the very pictures of {earlier.name}, and is listed once.")
    return tuple(entries), tuple(left_out)


def fresh_seeds(entry: BoardEntry, entries: Iterable[BoardEntry]) -> tuple[str, ...]:
    """The other runs in which the same method on the same backbone drew the same recipe from another seed."""
    if entry.recipe is None:
        return ()
    name, seed = entry.recipe
    own = entry.spec, entry.run.settings.fingerprint
    return tuple(
        dict.fromkeys(
            str(other.run.path)
            for other in entries
            if (other.spec, other.run.settings.fingerprint) == own
            and other.recipe is not None
            and other.recipe[0] == name
            and other.recipe[1] != seed
        )
    )
