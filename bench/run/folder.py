"""The file paths of a run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bench.core.errors import UserError

SCHEMA = 2
"""Version of `run.json`, of the units' records and of the cached scores."""

TUNED, TRIALS = "tuned.json", "tuning.csv"
"""Files that `bench tune` adds to the run of its trials: what it found, and all that it tried."""

LONGEST_NAME = 200
"""Maximum length of a run's name in bytes: file systems allow 255, and temporary folders add to it."""


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run, `runs/<name>/`; all its paths are defined here."""

    path: Path

    @property
    def name(self) -> str:
        """The run's name, that of its folder."""
        return self.path.name

    @property
    def settings(self) -> Path:
        """`run.json`: the run's settings."""
        return self.path / "run.json"

    @property
    def outside(self) -> Path:
        """`outside.json`: hashes of what methods took from outside their scenes, where one took anything."""
        return self.path / "outside.json"

    @property
    def evaluators(self) -> Path:
        """`evaluators.json`: which models `table` was scored with, by commit or hash."""
        return self.path / "evaluators.json"

    @property
    def versions(self) -> Path:
        """`versions.json`: the versions of Python, of packages and of scenebench that the run was worked on with."""
        return self.path / "versions.json"

    @property
    def asked(self) -> Path:
        """`asked.json`: the units that the run has been asked for in all its starts."""
        return self.path / "asked.json"

    @property
    def archived(self) -> Path:
        """`archived.json`: the units whose scores are kept in `table` without pictures, in a run that has any."""
        return self.path / "archived.json"

    @property
    def merge(self) -> Path:
        """`merge.json`: the runs that this one was merged of, if it was."""
        return self.path / "merge.json"

    @property
    def tuning(self) -> Path:
        """`tune.json`: the command of the tuning whose trials the run holds, if it does."""
        return self.path / "tune.json"

    @property
    def activity(self) -> Path:
        """`.activity.json`: what a start is doing, for as long as it is at work."""
        return self.path / ".activity.json"

    @property
    def dataset(self) -> Path:
        """The dataset, where the run built it itself."""
        return self.path / "dataset"

    @property
    def table(self) -> Path:
        """`scores.parquet`: one row per picture and concept (columns: `bench.core.table.COLUMNS`)."""
        return self.path / "scores.parquet"

    def with_preset(self, preset: str) -> PresetFolder:
        """The same run as scored with another metric preset than its own.

        Tables lie side by side: `scores-PRESET.parquet`, `evaluators-PRESET.json` and `report/NAME-PRESET/`.
        """
        return PresetFolder(self.path, preset)

    def fit(self, unit: str) -> Path:
        """The file of what a unit's fit learned, deleted after its last picture unless `--keep-weights`."""
        return self.path / "fits" / f"{unit}.safetensors"

    def begun(self, unit: str) -> Path:
        """The file of a unit's fit that was begun together with others, deleted when the unit is done."""
        return self.path / "begun" / f"{unit}.safetensors"

    @property
    def shared(self) -> Path:
        """The folder of files that units share: prior-preservation pictures."""
        return self.path / "shared"

    def fit_records(self, unit: str) -> Path:
        """The CSV file of a unit's fit records; few methods write any."""
        return self.path / "fit_records" / f"{unit}.csv"

    def losses(self, unit: str) -> Path:
        """The CSV file of the losses of a unit's fit by step (`bench.run.losses`); not every method logs any."""
        return self.path / "losses" / f"{unit}.csv"

    def picture(self, key: str) -> Path:
        """The file of a generated picture."""
        return self.path / "pictures" / f"{key}.png"

    def attention_maps(self, unit: str) -> Path:
        """The file of the attention maps of a unit's pictures, where they were asked for."""
        return self.path / "attention" / f"{unit}.safetensors"

    @property
    def attention(self) -> Path:
        """`attention.csv`: how much of each handle's attention lies on its concept (`bench.run.attention`)."""
        return self.path / "attention.csv"

    def unit_record(self, unit: str) -> Path:
        """The file of a finished unit's record."""
        return self.path / "units" / f"{unit}.json"

    @property
    def failures(self) -> Path:
        """`failed/`: the tracebacks of units whose method failed, see `bench.run.failures`."""
        return self.path / "failed"

    def failure(self, name: str) -> Path:
        """The file of a traceback."""
        return self.failures / f"{name}.txt"

    def scores(self, metric: str, unit: str) -> Path:
        """The file of the scores of a unit's pictures by the metric of that key: see `bench.run.score_cache`."""
        return self.path / "scores" / metric / f"{unit}.json"

    def report(self, name: str) -> Path:
        """The folder of a report."""
        return self.path / "report" / name


def run_folder(runs: Path, name: str) -> RunFolder:
    """The folder of a run by its name, existing or not.

    Raises `UserError` for a name that is no folder's or leads out of `runs`, and where `runs` cannot hold folders.
    """
    check_name(name, runs)
    standing = next((place for place in (runs / name, *(runs / name).parents) if os.path.lexists(place)), runs)
    if not standing.is_dir():
        raise UserError(f"{standing} is not a folder, so it cannot hold runs; name another --runs or --name")
    return RunFolder(runs / name)


def check_name(name: str, parent: Path) -> None:
    """Raise `UserError` for a name that is no folder's or leads out of `parent`."""
    if name in ("", ".", "..") or any(c in "/\\:" or not c.isprintable() for c in name):
        raise UserError(f"--name '{name}': it is the name of a folder in {parent}; use letters, digits, . _ and -")
    if len(os.fsencode(name)) > LONGEST_NAME:
        raise UserError(f"--name {name[:20]}...: it has {len(name)} letters; choose one of {LONGEST_NAME} at most")


@dataclass(frozen=True)
class PresetFolder(RunFolder):
    """A run's folder, with the table, the evaluators and the reports of a preset that is not the run's own."""

    preset: str

    @property
    def evaluators(self) -> Path:
        """`evaluators-PRESET.json`."""
        return self.path / f"evaluators-{self.preset}.json"

    @property
    def table(self) -> Path:
        """`scores-PRESET.parquet`."""
        return self.path / f"scores-{self.preset}.parquet"

    def report(self, name: str) -> Path:
        """The folder of a report on that table."""
        return self.path / "report" / f"{name}-{self.preset}"


def open_run(path: Path) -> RunFolder:
    """The folder of an existing run.

    Raises `UserError` if there is none, naming those beside it.
    """
    folder = RunFolder(path)
    if not folder.settings.is_file():
        inside, beside = (sorted(str(one.parent) for one in each.glob("*/run.json")) for each in (path, path.parent))
        where = "runs in it" if inside else "runs beside it"
        raise UserError(f"{path} is not a run (it has no run.json); {where}: {', '.join(inside or beside) or 'none'}")
    return folder
