"""The masks report: how good estimated masks are, step by step, and what DenseCRF adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import jinja2

from bench.api import (
    COLUMNS_PAGE,
    MASK_FILES,
    CsvFile,
    ReportData,
    UserError,
    columns_page,
    describe_rule,
    mask_curve_figure,
    mask_rows,
    page_templates,
    read_mask_records,
    write_bytes,
)

TEMPLATE = "masks.html.j2"
PAPERS_CRF_GAIN = 0.059
"""What DenseCRF adds to the IoU in the paper ("Ablation Studies"); over which masks it does not say."""


@dataclass(frozen=True)
class Report:
    """One self-contained page (`masks.html`) and every note behind it as CSV.

    For methods that estimate masks (`em`): the IoU of each concept's latent mask with the true one is a mean over
    concepts, then over scenes. The true masks are for this page alone, such a method never sees them.
    """

    summary: ClassVar[str] = "IoU of estimated masks over steps, and DenseCRF's gain: masks.html, masks.csv"
    source: ClassVar[str] = "Rahman et al. 2024, Figure 3 and Ablation Studies"
    files: ClassVar[Mapping[str, CsvFile]] = MASK_FILES

    def write(self, data: ReportData, out: Path) -> tuple[Path, ...]:
        """Write the page, the CSV file and what its columns mean; returns them, the page first.

        Raises `UserError` if no method of the run estimated a mask.
        """
        notes = read_mask_records(data)
        if notes.empty:
            raise UserError(
                f"{data.run_folder} has no notes on estimated masks; run a method that estimates them: --methods em"
            )
        page, table = out / "masks.html", out / "masks.csv"
        write_bytes(table, notes.to_csv(index=False).encode())
        rows = mask_rows(notes)
        rule = describe_rule([mean.n for row in rows for mean in row.means])
        html = _template().render(
            data=data, rows=rows, rule=rule, plot=mask_curve_figure(notes), papers_gain=PAPERS_CRF_GAIN
        )
        write_bytes(page, html.encode())
        columns = out / COLUMNS_PAGE
        write_bytes(columns, columns_page(self.files))
        return page, table, columns


def _template() -> jinja2.Template:
    return page_templates(Path(__file__).parent).get_template(TEMPLATE)
