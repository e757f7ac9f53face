"""The Pareto report: prompt similarity against identity similarity, with intervals, tests and a gallery."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar
from urllib.parse import quote

import jinja2
import pandas as pd
from pydantic import Field

from bench.core.files import write_bytes
from bench.core.table import COLUMNS
from bench.plugins.report import ReportData
from bench.reporting.gallery import make_gallery
from bench.reporting.page import environment
from bench.reporting.scatter import describe, legend, pareto_figure
from bench.reporting.text import (
    SIGNIFICANT,
    amount,
    bounds,
    chance,
    count,
    energy,
    headline,
    interval_rule,
    is_clear,
    listed,
    number,
    pace,
    rank,
    scenes_needed,
    seconds,
    share,
    share_bounds,
    signed,
    small,
    weight,
)
from bench.scoring.catalogue import IDENTITY_SIMILARITY, METRICS, PROMPT_SIMILARITY
from bench.stats import dataframes, leakage
from bench.stats.analysis import Analysis, analyse
from bench.stats.intervals import describe_rule
from bench.stats.sensitivity import ProtocolVariant, sensitivity, sensitivity_frame
from bench.stats.summary import Summary, summarise

TEMPLATE = "pareto.html.j2"
FILTERS = (
    amount, bounds, chance, count, energy, interval_rule, is_clear, number, pace, rank, scenes_needed, seconds, share,
    share_bounds, signed, small, weight,
)  # fmt: skip
OPEN_ROWS = 6
"""Prompts of a scene that are seen at once; the others unfold."""


@dataclass(frozen=True)
class Report:
    """One self-contained page (`pareto.html`), and everything in its plot and tables as CSV."""

    difference: Annotated[float, "a difference in a metric, whose need of scenes is told", Field(gt=0)] = 0.02

    summary: ClassVar[str] = "one HTML page: Pareto plot, table, tests and gallery; all numbers as CSV"
    source: ClassVar[str] = "Break-A-Scene, Figure 5, Table 3 and section 4.1"

    def write(self, data: ReportData, out: Path) -> tuple[Path, ...]:
        """Write the page and the CSV files; returns them, the page first."""
        findings = find(data.table, self.difference)
        tables = {out / name: frame for name, frame in _tables(data.table, findings).items()}
        for file, frame in tables.items():
            write_bytes(file, frame.to_csv(index=False).encode())
        scores = _address(data.run_folder / "scores.parquet", out)
        page = out / "pareto.html"
        write_bytes(page, render(data, findings, scores).encode())
        return page, *tables


@dataclass(frozen=True)
class Findings:
    """All that is worked out about the table."""

    summary: Summary
    analysis: Analysis
    variants: tuple[ProtocolVariant, ...]
    rates: tuple[leakage.LeakageRate, ...]
    similarity_matrices: tuple[leakage.SimilarityMatrix, ...]


def find(table: pd.DataFrame, difference: float) -> Findings:
    """Work it out; `difference` is the one whose need of scenes is told."""
    return Findings(
        summarise(table),
        analyse(table, difference),
        sensitivity(table),
        leakage.leakage_rates(table),
        leakage.similarity_matrices(table),
    )


def pareto_points(summary: Summary) -> pd.DataFrame:
    """One row a method: both coordinates with their intervals, and whether it is on the front."""
    frame = summary.frame()
    columns = [
        f"{metric.column}{end}"
        for metric in (PROMPT_SIMILARITY, IDENTITY_SIMILARITY)
        for end in ("", "_low", "_high", "_interval", "_n_scenes")
    ]
    return frame[["method", *columns, "n_scenes", "n_pictures", "pareto"]]


def _tables(table: pd.DataFrame, findings: Findings) -> dict[str, pd.DataFrame]:
    """The CSV files by name."""
    analysis = findings.analysis
    return {
        "pareto.csv": pareto_points(findings.summary),
        "summary.csv": findings.summary.frame(),
        "sensitivity.csv": sensitivity_frame(findings.variants),
        "leakage.csv": leakage.leakage_frame(findings.rates),
        "leakage_matrix.csv": leakage.leakage_matrix(table),
        "tests.csv": dataframes.tests_frame(analysis),
        "effects.csv": dataframes.effects_frame(analysis),
        "front.csv": dataframes.front_frame(analysis),
        "power.csv": dataframes.power_frame(analysis),
        "pictures.csv": dataframes.moments_frame(analysis),
    }


def render(data: ReportData, findings: Findings, scores: str) -> str:
    """The page; `scores` is the address of `scores.parquet` as seen from it, or empty."""
    summary, analysis = findings.summary, findings.analysis
    estimates = [estimate for method in summary.methods for estimate in method.estimates.values()]
    page: str = _template().render(
        data=data,
        summary=summary,
        presets=listed(sorted(set(data.table["preset"]))),
        analysis=analysis,
        headline=list(headline(summary, analysis.comparisons)),
        plot=pareto_figure(summary, data.table),
        plot_in_words=describe(summary),
        legend=legend(summary),
        rule=describe_rule([estimate.n_scenes for estimate in estimates if estimate.n_scenes]),
        metrics=METRICS,
        significant=SIGNIFICANT,
        comparisons={(comparison.metric, comparison.unit): comparison for comparison in analysis.comparisons},
        chances=chances(analysis),
        variants=findings.variants,
        events=leakage.EVENTS,
        rates={(rate.method, rate.event, rate.by, rate.group): rate for rate in findings.rates},
        leak_groups=_groups(findings.rates),
        similarity_matrices={like.method: like for like in findings.similarity_matrices},
        gallery=make_gallery(data),
        open_rows=OPEN_ROWS,
        columns=COLUMNS,
        scores=scores,
    )
    return page


def chances(analysis: Analysis) -> dict[str, float]:
    """The probability of being on the front, by method; empty below 4 scenes."""
    front = analysis.front
    return dict(zip(front.methods, front.probabilities, strict=True)) if front and front.probabilities else {}


def _groups(rates: Sequence[leakage.LeakageRate]) -> dict[str, list[str]]:
    """What rates are told apart by, each with its groups in order."""
    by = [name for name in leakage.GROUPS if name != "all"]
    return {name: sorted({rate.group for rate in rates if rate.by == name}) for name in by}


def _template() -> jinja2.Template:
    templates = environment(Path(__file__).parent, FILTERS)
    templates.policies["json.dumps_kwargs"] = {"default": str, "ensure_ascii": False}
    return templates.get_template(TEMPLATE)


def _address(file: Path, folder: Path) -> str:
    """A file's address as a link on a page in `folder`; empty if there is no such file."""
    return quote(Path(os.path.relpath(file, folder)).as_posix()) if file.is_file() else ""
