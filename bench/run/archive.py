"""Archived units: their scores are kept in the run's table, their pictures are not, and they count as done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pandas as pd

from bench.core.errors import UserError, one_line
from bench.core.files import read_record, write_json
from bench.core.text import count
from bench.run.folder import SCHEMA, PresetFolder, RunFolder
from bench.run.plan import Unit


@dataclass(frozen=True)
class _Archived:
    """The file's schema: keys of units."""

    units: list[str]


def archived_units(folder: RunFolder) -> frozenset[str]:
    """The keys of the run's archived units; raises `UserError` for a damaged record."""
    try:
        modified = folder.archived.stat().st_mtime_ns
    except FileNotFoundError:
        return frozenset()
    return _read(folder.archived, modified)


@lru_cache(maxsize=8)
def _read(path: Path, _modified: int) -> frozenset[str]:
    record: _Archived = read_record(path, SCHEMA, _Archived)
    return frozenset(record.units)


def record_archived(folder: RunFolder, units: Sequence[str]) -> None:
    """Write the keys of archived units."""
    write_json(folder.archived, {"units": sorted(units)}, SCHEMA)


def with_archived(folder: RunFolder, table: pd.DataFrame, plan: Sequence[Unit]) -> pd.DataFrame:
    """The table of what was scored here, with the archived units' rows of the run's table before it, in plan order.

    Rows of methods that were taken out come last: such a method may come back. Units of the plan's methods that are not
    in the plan were made by other code: they are done again, and their rows are left out. With another preset than the
    run's own, archived units have no scores. Raises `UserError` where their rows are gone.
    """
    keys = archived_units(folder) - set(table["unit"])
    if not keys or isinstance(folder, PresetFolder):
        return table
    before = _table(folder)
    rows = before[before["unit"].isin(keys)].reindex(columns=table.columns)
    if lost := len(keys - set(rows["unit"])):
        raise UserError(
            f"{folder.table} lacks the scores of {count(lost, 'archived unit')}, whose pictures are not here: copy the "
            f"archive anew, or delete {folder.archived} to have them done again"
        )
    rows = rows[
        rows["unit"].isin({unit.key for unit in plan}) | ~rows["method"].isin({one.method.spec for one in plan})
    ]
    if table.empty and rows.empty:
        raise UserError(
            f"the archived units of {folder.path} were made by other code, and none was done here: "
            f"`bench run --name {folder.name}` does them again"
        )
    order = {unit.key: place for place, unit in enumerate(plan)}
    both = pd.concat([one for one in (table, rows) if len(one)], ignore_index=True)
    return both.sort_values("unit", key=lambda keys: keys.map(order), kind="stable", ignore_index=True)


def _table(folder: RunFolder) -> pd.DataFrame:
    if not folder.table.is_file():
        return pd.DataFrame({"unit": pd.Series(dtype=str)})
    try:
        return pd.read_parquet(folder.table)
    except (OSError, ValueError, LookupError, NotImplementedError) as error:
        raise UserError(f"{folder.table} is damaged ({one_line(error)}); copy the archive anew") from error
