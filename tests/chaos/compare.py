"""What must be equal after a command that was stopped and started again: everything but measured costs."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

COST = "cost_"
OF_ITS_BYTES = "sha256"
"""In a record of scores: the hash of a picture's file, which holds what drawing it cost."""


def contents(folder: Path) -> dict[str, Any]:
    """What a folder holds, by path: tables, pixels, records without costs; of other files and of folders that they are.

    Temporary files are among the paths, so that one which is left behind is a difference.
    """
    return {path.relative_to(folder).as_posix(): _content(path) for path in sorted(folder.rglob("*"))}


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """What is missing, left over or different, a line each."""
    missing = [f"{path} is missing" for path in _outermost(expected.keys() - found.keys())]
    left = [f"{path} is left over" for path in _outermost(found.keys() - expected.keys())]
    both = expected.keys() & found.keys()
    return sorted(missing + left + [f"{path} differs" for path in both if not _equal(expected[path], found[path])])


def _outermost(paths: set[str]) -> list[str]:
    """Those that lie in none of the others."""
    return [path for path in paths if not paths & set(map(str, PurePosixPath(path).parents))]


def _content(path: Path) -> Any:
    if path.is_dir():
        return "folder"
    try:
        return _value(path)
    except (OSError, ValueError) as error:  # torn: whatever it should be, it is not that
        return error


def _value(path: Path) -> Any:
    match path.suffix:
        case ".parquet":
            return _without_costs(pd.read_parquet(path))
        case ".csv":
            return _without_costs(pd.read_csv(path, dtype=str, keep_default_na=False))
        case ".png":
            return np.asarray(Image.open(path))
        case ".json":
            return _record(json.loads(path.read_bytes()))
        case ".safetensors" | ".txt":
            return path.read_bytes()
    return "file"


def _without_costs(table: pd.DataFrame) -> pd.DataFrame:
    return table[[name for name in table.columns if not name.startswith(COST)]]


def _record(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"columns", "rows"}:  # a table of a report.json
        return repr(
            _without_costs(pd.DataFrame(value["rows"], columns=value["columns"], dtype=object)).to_numpy().tolist()
        )
    if isinstance(value, dict):
        return {name: _record(one) for name, one in value.items() if not name.startswith(COST) and name != OF_ITS_BYTES}
    return [_record(one) for one in value] if isinstance(value, list) else repr(value)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, pd.DataFrame):
        return isinstance(other, pd.DataFrame) and one.equals(other)
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and np.array_equal(one, other)
    return type(one) is type(other) and bool(one == other)
