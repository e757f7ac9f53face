"""The Pareto report: prompt similarity against identity similarity, with intervals, tests and a gallery."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar
from urllib.parse import quote

import jinja2
import pandas as pd
from pydantic import Field

from bench.api import (
    ANALYSIS_FILES,
    COLUMNS,
    COLUMNS_PAGE,
    LEAKAGE_EVENTS,
    LEAKAGE_GROUPS,
    PARETO_AXES,
    SIGNIFICANT,
    Analysis,
    Column,
    CsvFile,
    LeakageRate,
    ProtocolVariant,
    ReportData,
    SimilarityMatrix,
    Summary,
    analyse,
    axes_of,
    columns_page,
    describe_plot,
    describe_rule,
    effects_frame,
    front_frame,
    headline,
    is_point,
    leakage_frame,
    leakage_matrix,
    leakage_rates,
    left_out,
    listed,
    make_gallery,
    moments_frame,
    noun,
    page_templates,
    pareto_figure,
    pareto_points,
    plot_legend,
    power_frame,
    reference_of,
    sensitivity,
    sensitivity_frame,
    similarity_matrices,
    summarise,
    tests_frame,
    why_no_plot,
    with_methods,
    with_values,
    write_files,
)

TEMPLATE = "pareto.html.j2"
OPEN_ROWS = 6
"""Prompts of a scene that are seen at once; the others unfold."""


@dataclass(frozen=True)
class Report:
    """One self-contained page (`pareto.html`), and everything in its plot and tables as CSV."""

    difference: Annotated[float, "a difference in a metric, whose need of scenes is told", Field(gt=0)] = 0.02
    methods: Annotated[str, "methods to tell of, in this order, joined by + (default: all)"] = ""
    reference: Annotated[str, "the method that others are compared with (default: the first that is not a control)"] = (
        ""
    )

    summary: ClassVar[str] = "one HTML page: Pareto plot, table, tests and gallery; all numbers as CSV"
    source: ClassVar[str] = "Break-A-Scene, Figure 5, Table 3 and section 4.1"
    files: ClassVar[Mapping[str, CsvFile]] = ANALYSIS_FILES

    def write(self, data: ReportData, out: Path) -> tuple[Path, ...]:
        """Write the page, the CSV files and what their columns mean; returns them, the page first.

        Raises `UserError` if `methods` or `reference` names a method that the run has not.
        """
        chosen = with_methods(data, self.methods)
        reference = reference_of(chosen, self.reference)
        findings = find(chosen, self.difference)
        scores = _address(data.run_folder / "scores.parquet", out)
        page = render(chosen, findings, reference, scores)
        tables = _tables(chosen, findings)
        columns = columns_page(self.files, chosen.metrics)
        page_file, columns_file, *csv = write_files(out, {"pareto.html": page, COLUMNS_PAGE: columns}, tables)
        return page_file, *csv, columns_file


@dataclass(frozen=True)
class Findings:
    """All that is worked out about the table."""

    summary: Summary
    analysis: Analysis
    variants: tuple[ProtocolVariant, ...]
    rates: tuple[LeakageRate, ...]
    similarity_matrices: tuple[SimilarityMatrix, ...]


def find(data: ReportData, difference: float) -> Findings:
    """Work it out; `difference` is the one whose need of scenes is told."""
    return Findings(
        summarise(data.table, data.metrics, data.controls),
        analyse(data.table, data.metrics, difference, data.controls),
        sensitivity(data.table, data.metrics),
        leakage_rates(data.table),
        similarity_matrices(data.table),
    )


def _tables(data: ReportData, findings: Findings) -> dict[str, pd.DataFrame]:
    """The CSV files by name."""
    analysis = findings.analysis
    return {
        "pareto.csv": pareto_points(findings.summary, data.metrics),
        "summary.csv": findings.summary.frame(),
        "sensitivity.csv": sensitivity_frame(findings.variants),
        "leakage.csv": leakage_frame(findings.rates),
        "leakage_matrix.csv": leakage_matrix(data.table),
        "tests.csv": tests_frame(analysis),
        "effects.csv": effects_frame(analysis),
        "front.csv": front_frame(analysis),
        "power.csv": power_frame(analysis),
        "pictures.csv": moments_frame(analysis),
    }


def render(data: ReportData, findings: Findings, reference: str, scores: str) -> str:
    """The page; `scores` is the address of `scores.parquet` as seen from it, or empty."""
    summary, analysis = findings.summary, findings.analysis
    metrics = with_values(data.table, data.metrics)
    page: str = _template().render(
        data=data,
        reference=reference,
        summary=summary,
        presets=listed(sorted(set(data.table["preset"]))),
        analysis=analysis,
        headline=list(headline(summary, analysis.comparisons, data.metrics, reference)),
        plots_drawn=pareto_figure(summary, data.table, data.metrics),
        plot_in_words=describe_plot(summary) if any(map(is_point, summary.methods)) else "",
        x_title=f"{noun(PARETO_AXES[0])} →",
        y_title=f"{noun(PARETO_AXES[1])} →",
        why_no_plot=why_no_plot(data.metrics),
        legend=plot_legend(summary),
        rule=describe_rule(_counts(findings, metrics)),
        metrics=metrics,
        labels={metric.label for metric in metrics},
        left_out=left_out(data.table, data.metrics),
        has_front=len(axes_of(data.metrics)) == len(PARETO_AXES),
        significant=SIGNIFICANT,
        comparisons={(comparison.metric, comparison.unit): comparison for comparison in analysis.comparisons},
        test_names={each.unit: each.pairs[0].test for each in analysis.comparisons if each.pairs},
        chances=chances(analysis),
        variants=findings.variants,
        events=[event for event in LEAKAGE_EVENTS if event in {rate.event for rate in findings.rates}],
        rates={(rate.method, rate.event, rate.by, rate.group): rate for rate in findings.rates},
        leak_groups=_groups(findings.rates),
        similarity_matrices={like.method: like for like in findings.similarity_matrices},
        gallery=make_gallery(data),
        open_rows=OPEN_ROWS,
        columns=COLUMNS | {metric.name: metric.description for metric in data.metrics if metric.name not in COLUMNS},
        scores=scores,
    )
    return page


def _counts(findings: Findings, metrics: Sequence[Column]) -> list[int]:
    """How many scenes the page's means and paired differences rest on, each that occurs."""
    labels = [metric.label for metric in metrics]
    means = [method.estimates[label].n_scenes for method in findings.summary.methods for label in labels]
    scenes = [each for each in findings.analysis.comparisons if each.unit == "scenes" and each.metric in labels]
    return [n for n in (*means, *(pair.n for each in scenes for pair in each.pairs)) if n]


def chances(analysis: Analysis) -> dict[str, float]:
    """The probability of being on the front, by method; empty below 4 scenes."""
    front = analysis.front
    return dict(zip(front.methods, front.probabilities, strict=True)) if front and front.probabilities else {}


def _groups(rates: Sequence[LeakageRate]) -> dict[str, list[str]]:
    """What rates are told apart by, each with its groups in order."""
    by = [name for name in LEAKAGE_GROUPS if name != "all"]
    return {name: sorted({rate.group for rate in rates if rate.by == name}) for name in by}


def _template() -> jinja2.Template:
    return page_templates(Path(__file__).parent).get_template(TEMPLATE)


def _address(file: Path, folder: Path) -> str:
    """A file's address as a link on a page in `folder`; empty if there is no such file."""
    return quote(Path(os.path.relpath(file, folder)).as_posix()) if file.is_file() else ""
