"""`bench merge`: put together the runs of several shards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli import backbone_options
from bench.core import defaults
from bench.core.errors import UserError
from bench.core.progress import console
from bench.core.text import count
from bench.reporting.select_reports import select_reports
from bench.run.folder import open_run, run_folder
from bench.run.lock import hold


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("merge")(merge)


def merge(
    parts: Annotated[list[Path], typer.Argument(metavar="RUN...", help="the runs' folders: runs/big-*-of-8")],
    name: Annotated[str, typer.Option(help="name of the merged run")],
    runs: Annotated[Path, typer.Option(help="folder of all runs")] = Path("runs"),
    report: Annotated[
        str, typer.Option(help="reports, separated by commas; see `bench list reports`")
    ] = defaults.REPORT,
    device: backbone_options.Device = "auto",
) -> None:
    """Put together the RUNs that `bench run --shard` made: what comes out is what one run would have come to.

    The runs must have the same dataset, settings and versions. They stay as they are; a merge that was stopped goes on
    where it was. Units that no run has finished are for `bench run --name NAME`.
    """
    from bench.reporting.write import write_report  # noqa: PLC0415 - slow to import
    from bench.run.engine import reopen  # noqa: PLC0415
    from bench.run.merge import merge_runs  # noqa: PLC0415

    merged = run_folder(runs, name)
    folders = [open_run(part) for part in parts]
    if merged.path.resolve() in [part.resolve() for part in parts]:
        raise UserError(f"{merged.path} is one of the runs to merge; give the merged run another --name")
    select_reports(report)
    with hold(merged.path):
        merge_runs(folders, merged)
        session = reopen(merged, None)
        session.score(device)
        files = write_report(session, report)
    for file in files:
        typer.echo(file)
    if left := len(session.todo(session.asked)):
        told = f"{count(left, 'unit')} of {len(session.asked)} not done in any of the runs: start them again"
        console.print(f"{told}, or go on with `bench run --name {name}`", soft_wrap=True, markup=False)
