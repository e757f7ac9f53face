"""`bench status`: how far a run is, also while another process works on it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.core.text import count, duration
from bench.run.folder import TUNED, RunFolder, open_run

if TYPE_CHECKING:
    from bench.run.status import Activity, Status

_SILENT = 120.0
"""Seconds without a word after which that is said."""


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
    working = 0 if found.activity is None else min(found.activity.units_in_work, found.todo)
    typer.echo(
        f"{run}: {found.done} of {count(found.units, 'unit')} done, {found.failed} failed, "
        f"{working} in work, {found.todo - working} to do"
    )
    if pace := ", ".join(_pace(found)):
        typer.echo(pace)
    if found.activity is not None:
        for line in _at_work(found.activity):
            typer.echo(line)
    typer.echo(_next(folder, found))


def _pace(found: Status) -> Iterator[str]:
    """How fast it goes, and how long it still takes, as far as that is known."""
    if found.units_per_hour is not None:
        yield f"{found.units_per_hour:.1f} units an hour"
    if found.minutes_left is not None:
        yield f"about {duration(60 * found.minutes_left)} left"


def _at_work(activity: Activity) -> Iterator[str]:
    """The stage and how long it lasts so far; then what each worker does, and for how long."""
    now = time.time()
    yield f"{activity.stage}, for {duration(now - activity.since)} so far"
    for worker, what in activity.work.items():
        begun = activity.begun.get(worker)
        yield f"  {worker}: {what}" + ("" if begun is None else f", for {duration(now - begun)}")
    if activity.at is not None and now - activity.at > _SILENT:
        yield f"  nothing was heard for {duration(now - activity.at)}: a step that takes long, or it hangs"


def _next(folder: RunFolder, found: Status) -> str:
    """Who works on the run, or else what one would do next."""
    if found.alive:
        return f"held by {found.holder}"
    if found.alive is None:
        return f"held by {found.holder}, as its folder says; that machine is not this one"
    tuning = folder.tuning.is_file()
    unfinished = not folder.table.is_file() or (tuning and not (folder.path / TUNED).is_file())
    if found.todo or found.failed or unfinished:
        from bench.reporting.command import going_on  # noqa: PLC0415 - slow to import

        command = going_on(folder)
        if found.todo or unfinished:
            return f"stopped; to go on: {command}"
        if not tuning:
            return f"to try again what failed: {command} --retry-failed"
    pages = sorted(folder.path.glob("report/*/*.html"), key=lambda page: page.stat().st_mtime)
    return f"complete; report: {pages[-1]}" if pages else f"complete; next: bench report {folder.path}"
