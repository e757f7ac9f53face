"""The report table: the table of a paper, as HTML, CSV, LaTeX and Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from bench.api import (
    COLUMNS_PAGE,
    TABLE_FILES,
    CsvFile,
    ReferenceTable,
    ReportData,
    chosen_metrics,
    columns_page,
    compare_with_reference,
    describe_rule,
    latex_table,
    markdown_table,
    page_templates,
    paper_sections,
    reference_frame,
    reference_of,
    with_methods,
    write_files,
)

TEMPLATE = "table.html.j2"


@dataclass(frozen=True)
class Report:
    """The same table as a page (`table.html`), for a paper (`table.tex`), for a README (`table.md`) and as CSV.

    Means over scenes with their intervals. The best is marked, and what no test shows to be worse (controls do not
    compete); below, every method's difference to the reference, paired by scene, corrected by Holm within a metric.
    """

    metrics: Annotated[
        str, "labels of the metrics, joined by +, also cut short (default: prompt, identity and detection)"
    ] = ""
    methods: Annotated[str, "methods to tell of, in this order, joined by + (default: all)"] = ""
    reference: Annotated[str, "the method that others are compared with (default: the first that is not a control)"] = (
        ""
    )

    summary: ClassVar[str] = "a paper's table with differences to a reference: table.html, .tex, .md and .csv"
    source: ClassVar[str] = "Wilcoxon 1945; Holm 1979; Hsu 1984"
    files: ClassVar[Mapping[str, CsvFile]] = TABLE_FILES

    def write(self, data: ReportData, out: Path) -> tuple[Path, ...]:
        """Write the table in four forms; returns the files, the page first.

        Raises `UserError` for a method or a metric that the run has not, and if no metric has a value.
        """
        told = with_methods(data, self.methods)
        metrics = chosen_metrics(told, self.metrics)
        found = compare_with_reference(told.table, metrics, reference_of(told, self.reference), told.controls)
        sections = paper_sections(found, told.controls)
        remarks = (*told.banners, *found.summary.notes)
        latex = latex_table(found, sections, caption(found, "underlined"), (told.name, *remarks))
        template = page_templates(Path(__file__).parent).get_template(TEMPLATE)
        page = template.render(
            data=told, found=found, sections=sections, caption=caption(found, "underlined"), latex=latex
        )
        texts: dict[str, str | bytes] = {
            "table.html": page,
            "table.tex": latex,
            "table.md": markdown_table(found, sections, caption(found, "in italics")),
            COLUMNS_PAGE: columns_page(self.files),
        }
        return write_files(out, texts, {"table.csv": reference_frame(found)})


def caption(found: ReferenceTable, level: str) -> str:
    """What the table shows; `level` says how that is marked which is not shown to be worse than the best."""
    values = list(found.values.values())
    pairs = [value.difference for value in values if value.difference]
    counts = [value.estimate.n_scenes for value in values if value.estimate.n_scenes]
    said = [f"Means over scenes ± 95 % intervals: {describe_rule([*counts, *(pair.n for pair in pairs)])}."]
    if any(value.rank for value in values):
        said.append("Bold: the best.")
    if any(value.rank == "level" for value in values):
        tested = "Wilcoxon signed-rank paired by scene, Bonferroni over the methods; Hsu 1984"
        said.append(f"{level.capitalize()}: not shown to be worse ({tested}).")
    if any(pair.p is not None for pair in pairs):
        tested = "p < 0.05, Wilcoxon signed-rank paired by scene, Holm over the methods"
        said.append(f"†: differs from {found.reference} ({tested}).")
    elif pairs:
        said.append(f"No difference is tested: {pairs[0].p_text}.")
    return " ".join(said)
