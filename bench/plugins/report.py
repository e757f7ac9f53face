"""The interface of reports, and the data that they are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from bench.core.scenes import Dataset
from bench.plugins.method import FidelityNote
from bench.plugins.metric import Column


@dataclass(frozen=True, eq=False)
class ReportData:
    """A run as a report sees it.

    `table` has the columns of `bench.core.table.COLUMNS` and those of the run's metrics; its `file`s are relative to
    `run_folder`. `metrics` are the columns that methods are compared in, in order. `facts` are label and value pairs of
    what was run; `methods` are resolved configurations by name, `preset` those of the metrics' models; `banners` are
    warnings to show above everything else; `done_units` of `planned_units` are in the table; `command` resumes the
    run. `ledgers` are the fidelity ledgers by method, without empty ones. `seen_in_prior` are, by method, the
    templates whose context is the text of its prior-preservation pictures: not a new context for it. `controls` are
    the methods that are controls, not candidates. Methods are named by what the run calls them; `specs` are the specs
    of those that have another name.
    """

    name: str
    run_folder: Path
    table: pd.DataFrame
    dataset: Dataset
    facts: Mapping[str, str]
    methods: Mapping[str, Mapping[str, Any]]
    metrics: tuple[Column, ...]
    preset: Mapping[str, Any]
    banners: tuple[str, ...]
    done_units: int
    planned_units: int
    command: str = ""
    ledgers: Mapping[str, tuple[FidelityNote, ...]] = field(default_factory=dict)
    seen_in_prior: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    controls: tuple[str, ...] = ()
    specs: Mapping[str, str] = field(default_factory=dict)


class Report(Protocol):
    """A drop-in of `reports/`: a frozen dataclass called `Report`.

    A class variable `files` may say what the columns of its CSV files mean, for `bench list`: a mapping of file names
    to `CsvFile` (of `bench.api`), which `columns_page` writes beside them.
    """

    def write(self, data: ReportData, out: Path) -> tuple[Path, ...]:
        """Write the report's files into `out`; returns them, the one to open first."""
        ...
