"""`bench status`: how far a run is, also while another process works on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.core.text import count
from bench.run.folder import open_run


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("status")(status)


def status(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="the run's folder, for example runs/playroom-quick")],
) -> None:
    """Say how far RUN is, from its files alone: nothing is changed, and it may be at work meanwhile."""
    from bench.run.status import read_status  # noqa: PLC0415 - slow to import

    found = read_status(open_run(run))
    working = len(found.activity.work) if found.activity is not None else 0
    typer.echo(
        f"{run}: {found.done} of {count(found.units, 'unit')} done, {found.failed} failed, "
        f"{min(working, found.todo)} in work, {max(0, found.todo - working)} to do"
    )
    if found.units_per_hour is not None and found.minutes_left is not None:
        left = count(round(found.minutes_left), "minute")
        typer.echo(f"{found.units_per_hour:.1f} units an hour, about {left} left")
    if found.activity is not None:
        typer.echo(found.activity.stage)
        for worker, what in found.activity.work.items():
            typer.echo(f"  {worker}: {what}")
    typer.echo(_held(found.holder, found.alive))


def _held(holder: str, alive: bool | None) -> str:
    if alive:
        return f"held by {holder}"
    if alive is None:
        return f"held by {holder}, as its folder says; that machine is not this one"
    return "no process works on it; the command that it was started with goes on"
