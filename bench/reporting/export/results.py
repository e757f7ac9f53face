"""What every export tells: each method's means with their uncertainty."""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.core.hashing import bytes_hash
from bench.plugins.metric import Column
from bench.reporting.runs.recorded import RecordedRun
from bench.stats.intervals import Interval, mean_interval
from bench.stats.scene_means import scene_means


@dataclass(frozen=True)
class ExportedScore:
    """A metric's mean over scenes, with its interval (None below 4 scenes), and its spread over `n` scenes."""

    metric: Column
    mean: float
    interval: Interval | None
    deviation: float
    n: int


def exported_scores(run: RecordedRun, method: str) -> Iterator[ExportedScore]:
    """The means of a method over its scenes, of the metrics that have any value."""
    means = scene_means(run.table[run.table["method"] == method], run.metrics)
    for metric in run.metrics:
        values = means.loc[means["metric"] == metric.label, "mean"].dropna().to_numpy(dtype=np.float64)
        if n := len(values):
            deviation = float(values.std(ddof=1)) if n > 1 else math.nan
            yield ExportedScore(metric, float(values.mean()), mean_interval(values, metric.range), deviation, n)


def rows_of(run: RecordedRun, method: str) -> pd.DataFrame:
    """The method's rows of the table."""
    return run.table[run.table["method"] == method]


def slug(text: str) -> str:
    """The text as one part of a path: letters, digits, `.`, `_` and `-`; with a hash where others were replaced."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "x"
    return safe if safe == text else f"{safe[:60]}-{bytes_hash(text.encode(errors='backslashreplace'))[:8]}"


def stable_uuid(text: str) -> str:
    """A version 4 UUID that is the same for the same text: an export made anew replaces the earlier one."""
    return str(uuid.UUID(bytes=bytes.fromhex(bytes_hash(text.encode(errors="backslashreplace")))[:16], version=4))
