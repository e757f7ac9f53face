"""`bench status`: how far a run is, also while another process works on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.core.text import count
from bench.run.folder import RunFolder, open_run

if TYPE_CHECKING:
    from bench.run.status import Status


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("status")(status)


def status(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="the run's folder, for example runs/playroom-quick")],
) -> None:
    """Say how far RUN is, from its files alone: nothing is changed, and it may be at work meanwhile."""
    from bench.run.status import read_holder, read_status  # noqa: PLC0415 - slow to import

    holder, alive = read_holder(RunFolder(run))
    if alive and not RunFolder(run).settings.is_file():
        typer.echo(f"{run}: being prepared, nothing is fitted yet; held by {holder}")
        return
    found = read_status(folder := open_run(run))
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
    typer.echo(_next(folder, found))


def _next(folder: RunFolder, found: Status) -> str:
    """Who works on the run, or else what one would do next."""
    if found.alive:
        return f"held by {found.holder}"
    if found.alive is None:
        return f"held by {found.holder}, as its folder says; that machine is not this one"
    unscored = not folder.table.is_file()
    if found.todo or found.failed or unscored:
        from bench.reporting.command import next_command  # noqa: PLC0415 - slow to import
        from bench.run.settings import load_settings  # noqa: PLC0415

        command = next_command(folder, load_settings(folder))
        if found.todo or unscored:
            return f"stopped; to go on: {command}"
        return f"to try again what failed: {command} --retry-failed"
    pages = sorted(folder.path.glob("report/*/*.html"), key=lambda page: page.stat().st_mtime)
    return f"complete; report: {pages[-1]}" if pages else f"complete; next: bench report {folder.path}"
