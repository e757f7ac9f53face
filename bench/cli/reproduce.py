"""`bench reproduce`: does this machine come to the result of a run that someone published?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.cli import worker_options
from bench.cli.option_groups import with_options
from bench.run.worker_options import WorkerOptions

console = Console()
DIFFERS = 1
"""Exit code where something is not equivalent."""


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("reproduce")(reproduce)


@with_options(on_workers=worker_options.OPTIONS)
def reproduce(
    on_workers: WorkerOptions,
    archive: Annotated[Path, typer.Argument(metavar="RUN", help="a run, or its archive (bench export --to archive)")],
    methods: Annotated[
        str | None, typer.Option(help="of its methods, with commas; by default all but controls")
    ] = None,
    scenes: Annotated[str | None, typer.Option(help="only the first N scenes, or scenes by name")] = None,
    margin: Annotated[
        list[str] | None,
        typer.Option(
            help="differences within it count as none: 0.02, or METRIC=0.02; may be repeated; by default what fits "
            "differ by between processors, as RUN has measured it"
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N")] = "auto",
    name: Annotated[str | None, typer.Option(help="name of the new run; by default reproduced-RUN")] = None,
    runs: Annotated[Path, typer.Option(help="folder of all runs")] = Path("runs"),
) -> None:
    """Do a part of RUN again, with its settings, in a run of its own, and say whether the result is equivalent.

    Fits amplify rounding, which differs between processors: judged are means over scenes, paired, within what the same
    fits differ by between processor settings (all of them with a probability of 99 % where nothing else differs). RUN
    does not change. Ends with exit code 1 where something is not equivalent.
    """
    from bench.reporting.runs.again import Part, run_again  # noqa: PLC0415 - slow to import
    from bench.reporting.runs.recorded import open_recorded  # noqa: PLC0415
    from bench.reporting.runs.reproduction import judge  # noqa: PLC0415
    from bench.reporting.runs.reproduction_table import summary, write_table  # noqa: PLC0415
    from bench.run.folder import run_folder  # noqa: PLC0415

    published = open_recorded(archive)
    folder = run_folder(runs, f"reproduced-{archive.resolve().name}" if name is None else name)
    again = run_again(published, folder, Part(methods, scenes), device, on_workers)
    found = judge(published, again, tuple(margin or ()))
    file = write_table(found, folder.path)
    console.print(summary(published, again, found), soft_wrap=True, markup=False, highlight=False)
    typer.echo(file)
    if not all(one.equivalent for one in found):
        raise typer.Exit(DIFFERS)
