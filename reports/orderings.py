"""The report orderings: what the papers say is better than what, and whether this run shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bench.api import (
    COLUMNS_PAGE,
    ORDERING_FILES,
    CsvFile,
    ReportData,
    columns_page,
    judge_orderings,
    page_templates,
    write_files,
)

TEMPLATE = "orderings.html.j2"


@dataclass(frozen=True)
class Report:
    """One self-contained page (`orderings.html`): the papers' orderings one by one, also as Markdown and CSV.

    Each is `shown`, `reversed` or `not shown`, by the paired difference over scenes: its 95 % interval and Wilcoxon's p
    value, corrected by Holm over all that were run. Methods whose names end in ` (tuned)` are judged by themselves.
    """

    summary: ClassVar[str] = "which of the papers' orderings of methods a run shows: orderings.html, .md, .csv"
    source: ClassVar[str] = "Break-A-Scene, Figure 5; Rahman et al. 2024, Table 1; CLiC, Table 1"
    files: ClassVar[Mapping[str, CsvFile]] = ORDERING_FILES

    def write(self, data: ReportData, out: Path) -> tuple[Path, ...]:
        """Write the page, the Markdown and CSV files and what their columns mean; returns the files, the page first.

        Raises `UserError` where the run has no two methods that a paper orders.
        """
        found = judge_orderings(data)
        page = page_templates(Path(__file__).parent).get_template(TEMPLATE).render(data=data, found=found.rows)
        texts: dict[str, str | bytes] = {
            "orderings.html": page,
            "orderings.md": found.markdown(),
            COLUMNS_PAGE: columns_page(self.files),
        }
        return write_files(out, texts, {"orderings.csv": found.frame()})
