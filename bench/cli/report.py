"""`bench report`: write a run's report again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.run.folder import open_run
from bench.run.lock import hold


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("report")(report)


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="the run's folder, for example runs/playroom-quick")],
    kind: Annotated[
        str, typer.Option("--report", help="a report of `bench list reports`, with its settings in brackets")
    ] = "pareto",
) -> None:
    """Write the report of RUN from the scores it has; neither pictures nor scores change.

    `--report "pareto[methods=ours+db-m,reference=ours]"` is about these methods alone, in this order, and compares the
    others with `ours`.

    What people answered about the pictures is read by `--report "user-study[answers=FILE.csv]"` (or a folder of CSVs),
    a row an answer: `rater,item,method,rating` (1 to 5), `rater,item,first,second,choice` (one of both names, or
    `neutral`) or `rater,item,method,rank` (1 is best). Optional columns: `question`, `scene` (what answers depend on;
    by default the item) and `picture` (as in scores.parquet); by these, metrics are compared with people.
    """
    from bench.run.engine import reopen  # noqa: PLC0415 - torch is slow to import

    folder = open_run(run)
    with hold(folder.path):
        for file in reopen(folder, None).report(kind):
            typer.echo(file)
