"""The report fidelity: where papers and official code are silent or differ, and what each method does there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd

from bench.api import COLUMNS_PAGE, FIDELITY_FILES, CsvFile, ReportData, columns_page, page_templates, write_files

TEMPLATE = "fidelity.html.j2"


@dataclass(frozen=True)
class Report:
    """One self-contained page (`fidelity.html`) with the ledger of every method of the run, also as CSV."""

    summary: ClassVar[str] = "what each method's sources leave open, and what is done: fidelity.html, fidelity.csv"
    source: ClassVar[str] = "the methods' papers and official code"
    files: ClassVar[Mapping[str, CsvFile]] = FIDELITY_FILES

    def write(self, data: ReportData, out: Path) -> tuple[Path, ...]:
        """Write the page, the CSV file and what its columns mean; returns the files, the page first."""
        page = page_templates(Path(__file__).parent).get_template(TEMPLATE).render(data=data)
        texts: dict[str, str | bytes] = {"fidelity.html": page, COLUMNS_PAGE: columns_page(self.files)}
        rows = [{"method": name, **asdict(note)} for name, notes in data.ledgers.items() for note in notes]
        table = pd.DataFrame(rows, columns=list(self.files["fidelity.csv"].columns))
        return write_files(out, texts, {"fidelity.csv": table})
