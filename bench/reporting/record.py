"""`report.json`: everything that a report shows, for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from bench.core.files import write_bytes
from bench.plugins.report import ReportData

FILE = "report.json"
SCHEMA = 1


def write_record(spec: str, data: ReportData, files: Sequence[Path], out: Path) -> Path:
    """Write what the run is and every table of the report into `report.json` in `out`; returns the file.

    `files` are those that the report wrote: its CSV files become tables, `{"columns": [...], "rows": [[...]]}` by the
    file's name, a missing value null. One that the report wrote itself is left as it is.
    """
    file = out / FILE
    if not file.exists():
        tables = {one.name: _table(one) for one in files if one.suffix == ".csv"}
        content = {"schema": SCHEMA, "report": spec, **_about(data), "tables": tables}
        write_bytes(file, json.dumps(content, ensure_ascii=False, default=str, allow_nan=False).encode())
    return file


def _about(data: ReportData) -> dict[str, object]:
    return {
        "run": data.name,
        "done_units": data.done_units,
        "planned_units": data.planned_units,
        "banners": list(data.banners),
        "facts": dict(data.facts),
        "command": data.command,
        "methods": {name: dict(configuration) for name, configuration in data.methods.items()},
        "controls": list(data.controls),
        "metrics": {
            metric.label: {"what": metric.description, "better": metric.better, "source": metric.source}
            for metric in data.metrics
        },
        "preset": dict(data.preset),
        "ledgers": {name: [asdict(note) for note in notes] for name, notes in data.ledgers.items()},
    }


def _table(file: Path) -> dict[str, object]:
    """A CSV file as JSON has it."""
    try:
        frame = pd.read_csv(file, keep_default_na=False, na_values=[""])  # a method may be called None
    except pd.errors.EmptyDataError:
        return {"columns": [], "rows": []}
    finite = frame.replace([math.inf, -math.inf], math.nan)
    whole = finite.astype(object).where(finite.notna(), None)
    return {"columns": list(map(str, frame.columns)), "rows": whole.to_numpy().tolist()}
