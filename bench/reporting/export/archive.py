"""A run without its pictures: its settings, its dataset and its scores, in a folder that is a run again."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from bench.core.errors import UserError
from bench.core.files import write_bytes
from bench.data.writer import SHEET
from bench.reporting.command import keep_tuning
from bench.reporting.runs.recorded import RecordedRun
from bench.reporting.runs.reproduction import measure_spreads, read_spreads, write_spreads
from bench.run.archive import record_archived
from bench.run.folder import TRIALS, TUNED, RunFolder
from bench.run.settings import Settings, save_settings
from bench.run.status import keep_asked


def write_archive(run: RecordedRun, out: Path, again: Sequence[RecordedRun], pictures: int) -> tuple[Path, ...]:
    """Write the run's settings, dataset and scores (float32) into the folder `out`, without paths of this machine.

    Every unit of the table is archived there: it counts as done without its pictures. From parts of the run that were
    done `again` on other processor settings follows what `bench reproduce` takes for equal; without any, what the run
    had so far. Of the first `pictures` scenes one picture of each method is kept, of the same prompt with all concepts.
    A dataset that the run did not build itself is left where it is; of one that it did, the sheet to look at is left
    out. Raises `UserError` for a table of another preset than the run's own.
    """
    own = run.settings.preset
    if run.preset != own:
        raise UserError(f"an archive has the scores of the run's own preset, {own}: leave out --metrics")
    archive, table = RunFolder(out), _table(run)
    save_settings(archive, _without_paths(run.settings, set(table["method"])))
    table.to_parquet(archive.table, index=False, compression="zstd", compression_level=19)
    units = table["unit"].unique().tolist()
    record_archived(archive, units)
    keep_asked(run.folder, archive, units)
    for name in _sample(run, pictures):
        write_bytes(out / name, (run.path / name).read_bytes())
    if run.folder.dataset.is_dir():
        shutil.copytree(run.folder.dataset, archive.dataset, ignore=shutil.ignore_patterns(SHEET))
    folder = run.folder
    keep_tuning(folder, archive)
    beside = (folder.outside, folder.evaluators, folder.versions, run.path / TUNED, run.path / TRIALS)
    for file in beside:
        if file.is_file():
            write_bytes(out / file.name, file.read_bytes())
    spreads = measure_spreads(run, again) if again else read_spreads(run.path)
    if spreads:
        write_spreads(out, spreads)
    return tuple(sorted(path for path in out.iterdir()))


def _table(run: RecordedRun) -> pd.DataFrame:
    """The rows as the run has them, methods by their specs, numbers in single precision."""
    specs = {name: run.spec(name) for name in run.methods}
    table = run.table.assign(method=run.table["method"].map(specs))
    numbers = table.select_dtypes("float64").columns
    return table.astype(dict.fromkeys(numbers, "float32"))


def _sample(run: RecordedRun, scenes: int) -> tuple[str, ...]:
    """The files, relative to the run's folder, of the pictures that are kept: as far as they are there."""
    chosen = run.table[run.table["scene"].isin(run.table["scene"].unique()[:scenes])]
    whole = chosen.sort_values("subset", key=lambda subsets: -subsets.str.len(), kind="stable")
    files = whole.drop_duplicates(["scene", "method"])["file"].sort_index()
    return tuple(str(file) for file in files if (run.path / str(file)).is_file())


def _without_paths(settings: Settings, methods: Collection[str]) -> Settings:
    """The settings without folders of this machine and without methods that have no scores."""
    starts = tuple(replace(start, runs="runs", paths=()) for start in settings.starts)
    kept = tuple(spec for spec in settings.methods if spec in methods)
    names = {spec: name for spec, name in settings.names.items() if spec in methods}
    return replace(settings, starts=starts, methods=kept, names=names)
