"""`bench leaderboard`: many runs on one page, each entry beside its like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.core.console import say
from bench.core.errors import UserError


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("leaderboard")(leaderboard)


def leaderboard(
    places: Annotated[list[Path], typer.Argument(metavar="RUN...", help="runs, or folders of runs")],
    metrics: Annotated[str | None, typer.Option(help="the runs as scored with this preset (see `bench score`)")] = None,
    out: Annotated[Path, typer.Option(help="folder of the page")] = Path("leaderboard"),
) -> None:
    """Rank the methods of many runs, possibly of other people, on one page and in one CSV; the runs do not change.

    Only entries of the same dataset, metric preset with its models, and seed share a board; others, and tuned settings,
    are set apart. Ranks have intervals, from tests of every pair by scene.
    """
    from bench.reporting.runs.entries import find_runs, read_entries  # noqa: PLC0415 - slow to import
    from bench.reporting.runs.leaderboard import make_boards  # noqa: PLC0415
    from bench.reporting.runs.leaderboard_page import write_leaderboard  # noqa: PLC0415

    entries, left_out = read_entries(find_runs(places), metrics)
    for told in left_out:
        say(told)
    if not entries:
        raise UserError("none of the runs has scores, so there is nothing to rank; score them first: bench score RUN")
    for file in write_leaderboard(make_boards(entries), left_out, out):
        typer.echo(file)
