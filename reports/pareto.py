"""The Pareto report: prompt similarity against identity similarity, with intervals, tests and a gallery."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import jinja2
import pandas as pd

from bench.metrics.catalogue import IDENTITY_SIMILARITY, METRICS, PROMPT_SIMILARITY
from bench.report.data import ReportData
from bench.report.gallery import make_gallery
from bench.report.scatter import describe, keys, pareto_figure
from bench.report.words import (
    SIGNIFICANT,
    bounds,
    count,
    headline,
    interval_rule,
    is_clear,
    listed,
    number,
    seconds,
    signed,
)
from bench.stats.compare import compare_all
from bench.stats.intervals import describe_rule
from bench.stats.summary import Summary, summarise
from bench.store import write_bytes
from bench.table import COLUMNS

TEMPLATE = "pareto.html.j2"
OPEN_ROWS = 6
"""Prompts of a scene that are seen at once; the others unfold."""


@dataclass(frozen=True)
class Report:
    """One self-contained page (`pareto.html`), the points of its plot and its table as CSV."""

    summary: ClassVar[str] = "one HTML page: Pareto plot, table, tests and gallery; pareto.csv and summary.csv"
    source: ClassVar[str] = "Break-A-Scene, Figure 5, Table 3 and section 4.1"

    def write(self, data: ReportData, out: Path) -> tuple[Path, ...]:
        """Write the page and both CSV files; returns them, the page first."""
        summary = summarise(data.table)
        page, points, table = (out / name for name in ("pareto.html", "pareto.csv", "summary.csv"))
        write_bytes(points, pareto_points(summary).to_csv(index=False).encode())
        write_bytes(table, summary.frame().to_csv(index=False).encode())
        scores = _address(data.run_folder / "scores.parquet", out)
        write_bytes(page, render(data, summary, scores).encode())
        return page, points, table


def pareto_points(summary: Summary) -> pd.DataFrame:
    """One row a method: both coordinates with their intervals, and whether it is on the front."""
    frame = summary.frame()
    columns = [
        f"{metric.column}{end}"
        for metric in (PROMPT_SIMILARITY, IDENTITY_SIMILARITY)
        for end in ("", "_low", "_high", "_interval", "_n_scenes")
    ]
    return frame[["method", *columns, "n_scenes", "n_pictures", "pareto"]]


def render(data: ReportData, summary: Summary, scores: str) -> str:
    """The page; `scores` is the address of `scores.parquet` as seen from it, or empty."""
    comparisons = compare_all(data.table)
    counts = [estimate.n_scenes for method in summary.methods for estimate in method.estimates.values()]
    page: str = _template().render(
        data=data,
        summary=summary,
        presets=listed(sorted(set(data.table["preset"]))),
        headline=list(headline(summary, comparisons)),
        plot=pareto_figure(summary, data.table),
        plot_in_words=describe(summary),
        keys=keys(summary),
        rule=describe_rule(counts),
        metrics=METRICS,
        significant=SIGNIFICANT,
        comparisons={(comparison.metric, comparison.unit): comparison for comparison in comparisons},
        gallery=make_gallery(data),
        open_rows=OPEN_ROWS,
        columns=COLUMNS,
        scores=scores,
    )
    return page


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.policies["json.dumps_kwargs"] = {"default": str, "ensure_ascii": False}
    for function in (bounds, count, interval_rule, is_clear, number, seconds, signed):
        environment.filters[function.__name__] = function
    return environment.get_template(TEMPLATE)


def _address(file: Path, folder: Path) -> str:
    """A file's address as a link on a page in `folder`; empty if there is no such file."""
    return quote(Path(os.path.relpath(file, folder)).as_posix()) if file.is_file() else ""
