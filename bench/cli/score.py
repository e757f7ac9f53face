"""`bench score`: score the pictures of an existing run, without drawing any."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli import backbone_options
from bench.run.folder import open_run
from bench.run.lock import hold


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("score")(score)


def score(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="the run's folder, for example runs/playroom-quick")],
    metrics: Annotated[
        str | None, typer.Option(help="metric preset to score with from now on; by default the run's own")
    ] = None,
    device: backbone_options.Device = "auto",
) -> None:
    """Score the pictures of RUN and write its table (scores.parquet); pictures already scored are not scored again."""
    from bench.run.engine import reopen  # noqa: PLC0415 - torch is slow to import

    folder = open_run(run)
    with hold(folder.path):
        session = reopen(folder, metrics)
        table = session.score(device)
    typer.echo(f"{len(table)} rows in {folder.table}; next: bench report {run}")
