"""The report by-template: every metric by prompt template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from bench.api import (
    COLUMNS_PAGE,
    TEMPLATE_FILES,
    CsvFile,
    ReportData,
    by_template,
    by_template_frame,
    chosen_metrics,
    columns_page,
    describe_rule,
    page_templates,
    with_methods,
    write_files,
)

TEMPLATE = "by_template.html.j2"


@dataclass(frozen=True)
class Report:
    """One self-contained page (`by-template.html`) with a table per metric, which is also `by-template.csv`.

    A template is a context as `a photo of ... at the beach`. Each value is a mean over a scene's pictures of the
    template, then over scenes, with its interval; methods are compared on the pictures that all have drawn.
    """

    metrics: Annotated[
        str, "labels of the metrics, joined by +, also cut short (default: prompt, identity and detection)"
    ] = ""
    methods: Annotated[str, "methods to tell of, in this order, joined by + (default: all)"] = ""

    summary: ClassVar[str] = "metrics by prompt template: by-template.html, by-template.csv"
    source: ClassVar[str] = "Break-A-Scene, section 4.1 (the templates)"
    files: ClassVar[Mapping[str, CsvFile]] = TEMPLATE_FILES

    def write(self, data: ReportData, out: Path) -> tuple[Path, ...]:
        """Write the page, the CSV file and what its columns mean; returns the files, the page first.

        Raises `UserError` for a method or a metric that the run has not, and if no metric has a value.
        """
        told = with_methods(data, self.methods)
        metrics = chosen_metrics(told, self.metrics)
        rows = by_template(told.table, metrics)
        page = (
            page_templates(Path(__file__).parent)
            .get_template(TEMPLATE)
            .render(
                data=told,
                metrics=metrics,
                templates=list(dict.fromkeys(row.template for row in rows)),
                methods=list(dict.fromkeys(row.method for row in rows)),
                means={(row.metric, row.template, row.method): row.mean for row in rows},
                rule=describe_rule([row.mean.n for row in rows if row.mean.n]),
            )
        )
        texts: dict[str, str | bytes] = {"by-template.html": page, COLUMNS_PAGE: columns_page(self.files)}
        return write_files(out, texts, {"by-template.csv": by_template_frame(rows)})
