"""`bench score`: score the pictures of an existing run, without drawing any."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli import backbone_options
from bench.core.text import count
from bench.run.folder import open_run
from bench.run.lock import hold


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("score")(score)


def score(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="the run's folder, for example runs/playroom-quick")],
    metrics: Annotated[
        str | None, typer.Option(help="another metric preset, whose table lies beside the run's own, or metrics to add")
    ] = None,
    device: backbone_options.Device = "auto",
) -> None:
    """Score the pictures of RUN and write its table (scores.parquet); pictures already scored are not scored again.

    With another preset the table is scores-PRESET.parquet, and `bench report RUN --metrics PRESET` tells of it. Metrics
    that are added to the run's own preset stay in the run.
    """
    from bench.run.engine import reopen  # noqa: PLC0415 - torch is slow to import
    from bench.run.settings import save_settings  # noqa: PLC0415

    folder = open_run(run)
    with hold(folder.path):
        session = reopen(folder, metrics)
        table = session.score(device)
        if session.own_preset:
            save_settings(folder, session.settings)
    shown = "" if session.own_preset else f" --metrics {session.preset.name}"
    typer.echo(f"{count(len(table), 'row')} in {session.folder.table}; next: bench report {run}{shown}")
