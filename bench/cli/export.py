"""`bench export`: a run's results in the formats of others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("export")(export)


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="the run's folder, for example runs/playroom-quick")],
    to: Annotated[
        Literal["every-eval-ever", "huggingface", "croissant", "csv", "archive"],
        typer.Option(help="the format", show_default=False),
    ],
    organisation: Annotated[str, typer.Option(help="who provides the data (every-eval-ever)")] = "unknown",
    dataset_id: Annotated[
        str | None, typer.Option(help="the hub's id of the benchmark dataset, OWNER/NAME (huggingface)")
    ] = None,
    again: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="RUN",
            help="a part of the run, done again with another processor setting by bench reproduce; may be repeated "
            "(archive)",
        ),
    ] = None,
    pictures: Annotated[
        int, typer.Option(min=0, help="keep a picture of each method, of so many scenes (archive)")
    ] = 0,
    metrics: Annotated[str | None, typer.Option(help="the run as scored with this preset (see `bench score`)")] = None,
    out: Annotated[Path | None, typer.Option(help="folder of the files; by default export/RUN/FORMAT")] = None,
) -> None:
    """Write the results of RUN for others to read; the run does not change.

    `every-eval-ever`: the shared schema of EvalEval (0.3.0), a JSON per method with intervals over scenes, and a JSON
    line per picture and metric. `huggingface`: `.eval_results/*.yaml` and a model card's metadata per method.
    `croissant`: the description of the run's dataset, to lie beside its manifest. `csv`: all scores, and the means.
    `archive`: the run without its pictures, small enough to publish: `bench reproduce` does a part of it again, and a
    copy in runs/ goes on where the run stands.
    """
    from bench.reporting.export.export import ExportOptions, export_run  # noqa: PLC0415 - slow to import
    from bench.reporting.runs.recorded import open_recorded  # noqa: PLC0415

    options = ExportOptions(organisation, dataset_id, tuple(open_recorded(one) for one in again or ()), pictures)
    place = out or Path("export") / run.name / to
    for file in export_run(open_recorded(run, metrics), to, place, options):
        typer.echo(file)
