"""The report figure: the Pareto plot for a paper, as PDF and SVG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from bench.api import (
    ANALYSIS_FILES,
    COLUMNS_PAGE,
    PARETO_AXES,
    CsvFile,
    ReportData,
    UserError,
    axes_of,
    columns_page,
    pareto_points,
    summarise,
    why_no_plot,
    with_methods,
    write_files,
)


@dataclass(frozen=True)
class Report:
    """`figure.pdf` and `figure.svg`, each with its letters inside, and the points with their intervals as CSV.

    Prompt similarity against identity similarity as in the pareto report: filled points are on the front, which is
    dotted; controls are grey. Crosses are 95 % intervals over scenes, from 4 scenes on. Every name stands beside its
    point and touches nothing.
    """

    methods: Annotated[str, "methods to tell of, in this order, joined by + (default: all)"] = ""
    width: Annotated[float, "inches; 3.25 is a column of a paper of two", Field(ge=2, le=20)] = 3.25
    height: Annotated[float, "inches", Field(ge=1.5, le=20)] = 2.6

    summary: ClassVar[str] = "the Pareto plot for a paper: figure.pdf, figure.svg and figure.csv"
    source: ClassVar[str] = "Break-A-Scene, Figure 5"
    files: ClassVar[Mapping[str, CsvFile]] = {"figure.csv": ANALYSIS_FILES["pareto.csv"]}

    def write(self, data: ReportData, out: Path) -> tuple[Path, ...]:
        """Write the figure twice and its points; returns the files, the PDF first.

        Raises `UserError` for a method that the run has not, without two similarities, and if the names do not fit.
        """
        from bench.api import paper_figure  # noqa: PLC0415 - matplotlib is slow to import

        told = with_methods(data, self.methods)
        if len(axes_of(told.metrics)) < len(PARETO_AXES):
            raise UserError(why_no_plot(told.metrics))
        summary = summarise(told.table, told.metrics, told.controls)
        drawn = paper_figure(summary, self.width, self.height, told.controls)
        texts: dict[str, str | bytes] = {
            "figure.pdf": drawn.pdf,
            "figure.svg": drawn.svg,
            COLUMNS_PAGE: columns_page(self.files),
        }
        return write_files(out, texts, {"figure.csv": pareto_points(summary, told.metrics)})
