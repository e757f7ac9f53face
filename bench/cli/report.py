"""`bench report`: write the report of an existing run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.core import defaults
from bench.run.folder import open_run
from bench.run.lock import hold


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("report")(report)


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="the run's folder, for example runs/playroom-quick")],
    kind: Annotated[
        str,
        typer.Option("--report", help="reports of `bench list reports`, separated by commas, settings in brackets"),
    ] = defaults.REPORT,
    metrics: Annotated[
        str | None, typer.Option(help="the preset to tell of; by default the run's own (see `bench score`)")
    ] = None,
) -> None:
    """Write reports of RUN from the scores it has, several by `--report pareto,table`; no picture and no score changes.

    A report has a folder of its own, `RUN/report/NAME`, with `report.json`: all that it shows, for programs.

    `--report "pareto[methods=ours+db-m,reference=ours]"` is about these methods alone, in this order, and compares the
    others with `ours`.

    The answers of a user study are read by `--report "user-study[answers=FILE.csv]"` (or a folder of CSVs), one row per
    answer: `rater,item,method,rating` (1 to 5), `rater,item,first,second,choice` (one of both names, or
    `neutral`) or `rater,item,method,rank` (1 is best). Optional columns: `question`, `scene` (the cluster of answers;
    by default the item) and `picture` (as in scores.parquet); by these, metrics are compared with people.
    """
    from bench.reporting.write import write_report  # noqa: PLC0415 - slow to import
    from bench.run.engine import reopen  # noqa: PLC0415

    folder = open_run(run)
    with hold(folder.path):
        for file in write_report(reopen(folder, metrics), kind):
            typer.echo(file)
