"""The report by-concepts: how identity, prompt similarity and detection fall with the number of concepts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import jinja2

from bench.api import (
    BY_CONCEPTS_FILES,
    COLUMNS_PAGE,
    CsvFile,
    ReportData,
    by_concepts_frame,
    by_number_of_concepts,
    chosen_metrics,
    columns_page,
    concept_curves_figure,
    describe_rule,
    page_templates,
    write_bytes,
)

TEMPLATE = "by_concepts.html.j2"


@dataclass(frozen=True)
class Report:
    """One self-contained page (`by-concepts.html`) with a plot and a table, which is also `by-concepts.csv`.

    Each value is a mean over a scene's pictures of prompts of so many concepts, then over scenes. Scenes of two
    concepts have no prompts of three: so the table also has the change from one concept, within scenes that have both.
    """

    metrics: Annotated[str, "labels of the metrics, joined by +"] = (
        "identity-similarity+prompt-similarity+detection-rate"
    )

    summary: ClassVar[str] = "metrics by the number of concepts in a prompt: by-concepts.html, by-concepts.csv"
    source: ClassVar[str] = "Break-A-Scene, Figure 8 and section 5 (limitations)"
    files: ClassVar[Mapping[str, CsvFile]] = BY_CONCEPTS_FILES

    def write(self, data: ReportData, out: Path) -> tuple[Path, ...]:
        """Write the page, the CSV file and what its columns mean; returns them, the page first.

        Raises `UserError` for a metric that the run does not compare, and if none of them has a value.
        """
        rows = by_number_of_concepts(data.table, chosen_metrics(data, self.metrics))
        page, table = out / "by-concepts.html", out / "by-concepts.csv"
        write_bytes(table, by_concepts_frame(rows).to_csv(index=False).encode())
        html = _template().render(
            data=data,
            rows=rows,
            panels=concept_curves_figure(rows),
            rule=describe_rule([one.n_scenes for one in rows]),
        )
        write_bytes(page, html.encode())
        columns = out / COLUMNS_PAGE
        write_bytes(columns, columns_page(self.files))
        return page, table, columns


def _template() -> jinja2.Template:
    return page_templates(Path(__file__).parent).get_template(TEMPLATE)
