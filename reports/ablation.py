"""The report ablation: a method and its variants, and what each part of it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar

from bench.api import (
    ABLATION_FILES,
    COLUMNS_PAGE,
    CsvFile,
    ReportData,
    ablated,
    ablation_frame,
    chosen_metrics,
    columns_page,
    compare_with_reference,
    describe_rule,
    page_templates,
    with_methods,
    write_files,
)

TEMPLATE = "ablation.html.j2"


@dataclass(frozen=True)
class Report:
    """One self-contained page (`ablation.html`): a method and the run's other settings of it, also as CSV.

    A variant leaves out or changes a part; what the part gives is the method less the variant, paired by scene, with
    its interval and Wilcoxon's p value, corrected by Holm over the variants.
    """

    of: Annotated[str, "the whole method (default: the first that is not a control)"] = ""
    metrics: Annotated[
        str, "labels of the metrics, joined by +, also cut short (default: prompt, identity and detection)"
    ] = ""

    summary: ClassVar[str] = "what each part of a method gives, by its variants: ablation.html, ablation.csv"
    source: ClassVar[str] = "Break-A-Scene, section 4.1 (ablation study)"
    files: ClassVar[Mapping[str, CsvFile]] = ABLATION_FILES

    def write(self, data: ReportData, out: Path) -> tuple[Path, ...]:
        """Write the page, the CSV file and what its columns mean; returns the files, the page first.

        Raises `UserError` for a method or a metric that the run has not, and where it has no variant of the method.
        """
        whole, changes = ablated(data, self.of)
        told = replace(with_methods(data, "+".join([whole, *changes])), banners=data.banners)
        metrics = chosen_metrics(told, self.metrics)
        found = compare_with_reference(told.table, metrics, whole)
        pairs = [value.difference for value in found.values.values() if value.difference]
        template = page_templates(Path(__file__).parent).get_template(TEMPLATE)
        page = template.render(data=told, found=found, changes=changes, rule=describe_rule([pair.n for pair in pairs]))
        texts: dict[str, str | bytes] = {"ablation.html": page, COLUMNS_PAGE: columns_page(self.files)}
        return write_files(out, texts, {"ablation.csv": ablation_frame(found, changes)})
