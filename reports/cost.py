"""The report cost: what fits and pictures took, by method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bench.api import (
    COLUMNS_PAGE,
    COST_FILES,
    CsvFile,
    ReportData,
    columns_page,
    cost_frame,
    page_templates,
    summarise,
    write_files,
)

TEMPLATE = "cost.html.j2"


@dataclass(frozen=True)
class Report:
    """One self-contained page (`cost.html`) with seconds, memory, disk and energy by method, also as CSV.

    Measured on the machine that fitted and drew; costs are in no comparison of methods.
    """

    summary: ClassVar[str] = "seconds, memory, disk and energy of every method: cost.html, cost.csv"
    source: ClassVar[str] = "SceneBench"
    files: ClassVar[Mapping[str, CsvFile]] = COST_FILES

    def write(self, data: ReportData, out: Path) -> tuple[Path, ...]:
        """Write the page, the CSV file and what its columns mean; returns the files, the page first."""
        summary, costs = summarise(data.table, data.metrics), cost_frame(data.table)
        template = page_templates(Path(__file__).parent).get_template(TEMPLATE)
        page = template.render(data=data, summary=summary, totals=costs.to_dict("records"))
        texts: dict[str, str | bytes] = {"cost.html": page, COLUMNS_PAGE: columns_page(self.files)}
        return write_files(out, texts, {"cost.csv": costs})
