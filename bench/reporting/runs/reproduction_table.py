"""What `bench reproduce` says: a row per method and metric, and what differs in how the two were made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench.core.files import write_bytes
from bench.core.text import count
from bench.reporting.runs.recorded import RecordedRun
from bench.reporting.runs.reproduction import Reproduced
from bench.reporting.runs.setting_differences import setting_differences

FILE = "reproduction.csv"


def write_table(found: Sequence[Reproduced], folder: Path) -> Path:
    """Write `reproduction.csv` into the new run's folder; `difference` is the new mean less the published one."""
    write_bytes(folder / FILE, _frame(found).to_csv(index=False).encode())
    return folder / FILE


def summary(published: RecordedRun, again: RecordedRun, found: Sequence[Reproduced]) -> str:
    """The rows as text, what differs in settings or versions, and the verdict."""
    lines = [_frame(found).round(4).to_string(index=False, justify="left")]
    differences = setting_differences(published, again)
    lines += [f"{one.what}: {one.first} there, {one.second} here" for one in differences]
    return "\n".join([*lines, _verdict(found)])


def _verdict(found: Sequence[Reproduced]) -> str:
    beyond = [one for one in found if not one.equivalent]
    if not beyond:
        return f"Equivalent: {count(len(found), 'mean')} within the margins."
    told = ", ".join(f"{one.difference.method} {one.difference.metric.label}" for one in beyond)
    return f"Not equivalent: {len(beyond)} of {count(len(found), 'mean')} beyond the margins: {told}."


def _frame(found: Sequence[Reproduced]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "method": one.difference.method,
                "metric": one.difference.metric.label,
                "scenes": one.difference.n,
                "published": one.difference.first,
                "here": one.difference.second,
                "difference": one.difference.effect,
                "margin": one.margin,
                "equivalent": one.equivalent,
            }
            for one in found
        ]
    )
