"""`bench compare`: two runs beside each other: what differs beyond noise, and does that fail?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.core.console import say

FAILED = 1
"""Exit code where a `--fail-if` holds."""


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("compare")(compare)


def compare(
    first: Annotated[Path, typer.Argument(metavar="FIRST", help="the folder of the run to compare with")],
    second: Annotated[Path, typer.Argument(metavar="SECOND", help="the folder of the run that is compared")],
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="a method of both runs, or given twice: one of FIRST, one of SECOND; by default all in common"
        ),
    ] = None,
    margin: Annotated[
        list[str] | None,
        typer.Option(help="differences within it count as none: 0.02, or METRIC=0.02; may be repeated"),
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(help="end with exit code 1 if it holds: 'identity-similarity < -0.02'; may be repeated"),
    ] = None,
    metrics: Annotated[str | None, typer.Option(help="compare as scored with this preset (see `bench score`)")] = None,
    out: Annotated[Path | None, typer.Option(help="folder of the page; by default compare/FIRST-SECOND")] = None,
) -> None:
    """Compare the run SECOND with FIRST, paired by scene and prompt; neither changes.

    The runs may differ in code, backbone, hardware or method; what they differ in stands first. A difference is SECOND
    less FIRST, the mean over scenes with its interval, p by Wilcoxon with Holm over all metrics and methods, and, where
    a margin is stated, two one-sided tests of equivalence (TOST). `--fail-if` is about the mean difference;
    `METRIC.low` and `METRIC.high` are the ends of its interval. To compare two methods of one run, name it twice:
    `bench compare RUN RUN --method ours --method ti-m`.
    """
    from bench.reporting.runs.compare import CompareOptions, compare_runs  # noqa: PLC0415 - slow to import
    from bench.reporting.runs.compare_page import write_comparison  # noqa: PLC0415
    from bench.reporting.runs.recorded import open_recorded  # noqa: PLC0415

    options = CompareOptions(tuple(method or ()), tuple(margin or ()), tuple(fail_if or ()))
    runs = open_recorded(first, metrics), open_recorded(second, metrics)
    comparison = compare_runs(*runs, options)
    for file in write_comparison(comparison, out or Path("compare") / f"{first.name}-{second.name}"):
        typer.echo(file)
    for told in comparison.failed:
        say(f"failed: {told}")
    if comparison.failed:
        raise typer.Exit(FAILED)
