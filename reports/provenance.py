"""The report provenance: what was run, with what, and how to run it again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd

from bench.api import COLUMNS_PAGE, PROVENANCE_FILES, CsvFile, ReportData, columns_page, page_templates, write_files

TEMPLATE = "provenance.html.j2"


@dataclass(frozen=True)
class Report:
    """One self-contained page (`provenance.html`): dataset, backbone, versions, every setting; also as CSV."""

    summary: ClassVar[str] = "what was run, with what, and how to run it again: provenance.html, provenance.csv"
    source: ClassVar[str] = "SceneBench"
    files: ClassVar[Mapping[str, CsvFile]] = PROVENANCE_FILES

    def write(self, data: ReportData, out: Path) -> tuple[Path, ...]:
        """Write the page, the CSV file and what its columns mean; returns the files, the page first."""
        page = page_templates(Path(__file__).parent).get_template(TEMPLATE).render(data=data)
        texts: dict[str, str | bytes] = {"provenance.html": page, COLUMNS_PAGE: columns_page(self.files)}
        table = pd.DataFrame(_rows(data), columns=["about", "name", "value"])
        return write_files(out, texts, {"provenance.csv": table})


def _rows(data: ReportData) -> Iterator[tuple[str, str, str]]:
    yield from (("run", name, value) for name, value in data.facts.items())
    yield "run", "command", data.command
    yield "run", "units done", f"{data.done_units} of {data.planned_units}"
    for method, settings in data.methods.items():
        yield from ((method, name, _written(value)) for name, value in settings.items())
    yield from (("metrics", name, _written(value)) for name, value in data.preset.items())


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
