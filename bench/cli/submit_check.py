"""`bench submit-check`: is a run whole, on what it says, and do its scores follow from its pictures?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli import backbone_options
from bench.core.console import say
from bench.core.errors import UserError

FAILED = 1
"""Exit code where a check fails."""


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("submit-check")(submit_check)


def submit_check(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="the run's folder, for example runs/playroom-quick")],
    sample: Annotated[
        str, typer.Option(help="pictures to score again, drawn at random by whole prompts, or `all`")
    ] = "50",
    refit: Annotated[int, typer.Option(min=0, help="units to fit and draw again; from 4 on they are tested")] = 0,
    margin: Annotated[float, typer.Option(help="a refitted result is equivalent within it, in a metric's unit")] = 0.05,
    dataset_hash: Annotated[
        str | None, typer.Option(help="the dataset that is asked for: its hash, or the start of it")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="the preset that is asked for")] = None,
    device: backbone_options.Device = "auto",
    out: Annotated[Path | None, typer.Option(help="folder of the page; by default submit-check/RUN")] = None,
) -> None:
    """Check a RUN of anybody before it goes on a leaderboard; the run does not change. Exit code 1 if a check fails.

    Is every prompt of the dataset drawn and scored, by every method? Are dataset and models what they are said to be?
    Do the scores follow from the pictures, which are scored again? With `--refit N`, do units that are fitted again
    give an equivalent result? Who made the run is not claimed.
    """
    from bench.reporting.runs.check_run import CheckOptions, check_run  # noqa: PLC0415 - slow to import
    from bench.reporting.runs.recorded import open_recorded  # noqa: PLC0415
    from bench.reporting.runs.submit_check import Pinned, failed  # noqa: PLC0415
    from bench.reporting.runs.submit_page import write_submit_page  # noqa: PLC0415

    if sample != "all" and not (sample.isdecimal() and int(sample) > 0):
        raise UserError(f"--sample {sample} is not a number of pictures above 0, nor `all`")
    if not margin > 0:
        raise UserError(f"--margin {margin:g} is not above 0")
    options = CheckOptions(
        Pinned(dataset_hash, preset), None if sample == "all" else int(sample), refit, margin, device
    )
    found = open_recorded(run)
    checks, recomputed = check_run(found, options)
    for one in checks:
        say(f"{one.verdict}: {one.asked} ({one.found})")
    typer.echo(write_submit_page(found, checks, recomputed, out or Path("submit-check") / run.name))
    if failed(checks):
        raise typer.Exit(FAILED)
