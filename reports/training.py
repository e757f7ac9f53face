"""The training report: the losses of every fit over its steps, and the IoU of masks that methods estimate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import jinja2

from bench.api import COLUMNS_PAGE, CsvFile, ReportData, TrainingCurves, columns_page, page_templates, write_files

TEMPLATE = "training.html.j2"


@dataclass(frozen=True)
class Report:
    """One self-contained page (`training.html`) with a plot for each method, phase and loss, also as CSV.

    A loss of one step is mostly noise, that of its random time: lines are running means over a tenth of the phase's
    steps, faint for each fit and bold for their mean. Losses of different methods are not compared: each weighs its own
    parts. Of methods that estimate masks there is their IoU with the true ones too.
    """

    summary: ClassVar[str] = (
        "losses of every fit over its steps, and IoU of estimated masks: training.html, training.csv"
    )
    source: ClassVar[str] = "SceneBench"
    files: ClassVar[Mapping[str, CsvFile]] = TrainingCurves.files

    def write(self, data: ReportData, out: Path) -> tuple[Path, ...]:
        """Write the page, the CSV files and what their columns mean; returns them, the page first.

        Raises `UserError` if no fit of the run has losses.
        """
        curves = TrainingCurves.read(data)
        html = _template().render(data=data, curves=curves, records=curves.records, masks=curves.mask_panel)
        texts: dict[str, str | bytes] = {"training.html": html, COLUMNS_PAGE: columns_page(self.files)}
        return write_files(out, texts, curves.tables)


def _template() -> jinja2.Template:
    return page_templates(Path(__file__).parent).get_template(TEMPLATE)
