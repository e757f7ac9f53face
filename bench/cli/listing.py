"""`bench list`: the installed methods, datasets, metrics, reports and presets."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import fields
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from bench.cli.describe import (
    column_sections,
    console,
    describe,
    describe_preset,
    ledger_section,
    models_of,
    show,
    table,
)
from bench.core.errors import UserError, did_you_mean
from bench.core.leftovers import scratch_folder
from bench.core.text import count
from bench.edit.ledger import LEDGER
from bench.plugins.discovery import KINDS, Discovery, DropIn, Kind, discover
from bench.plugins.spec import public_name
from bench.scoring.presets import PRESETS

COLUMNS = ("name", "what it is", "source")


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("list")(list_content)


def list_content(
    what: Annotated[
        str | None,
        typer.Argument(
            help="methods, datasets, metrics, reports, presets, columns (of scores.parquet), edit (the fidelity ledger "
            "of `bench edit`), or one of them by name; by default a line for each of them"
        ),
    ] = None,
    prompts: Annotated[
        str | None,
        typer.Option(
            metavar="DATASET",
            help="instead: the CSV of every prompt of a dataset (a folder or a builder), for pictures made elsewhere "
            "and `bench run --methods import[from=...]`",
        ),
    ] = None,
) -> None:
    """List methods, datasets, metrics, reports and metric presets, each with one line.

    With one of these words: their variants, settings and sources too. With a name: every setting, every variant, a
    metric's columns, and the fidelity ledger: where its sources are silent or contradict each other, and what is done
    here.
    """
    if prompts is not None:
        _print_prompts(prompts)
    elif what == "columns":
        show(column_sections())
    elif what == "edit":
        show([ledger_section("fidelity ledger of bench edit", LEDGER)])
    elif what is None:
        _list_all()
    elif what == "presets":
        _list_presets()
    elif what in KINDS:
        _list_kind(next(kind for kind in KINDS if kind == what))
    else:
        _describe(what)


def _describe(name: str) -> None:
    """Describe what has this name.

    Raises `BadParameter` if nothing has, and `UserError` with the reason if only a broken file has.
    """
    drop_ins: list[DropIn] = [found for kind in KINDS for each, found in discover(kind).found.items() if each == name]
    for drop_in in drop_ins:
        describe(drop_in)
    if name in PRESETS:
        describe_preset(PRESETS[name])
    elif not drop_ins:
        _check_broken(name)
        known = ", ".join((*KINDS, "presets", "columns", "edit"))
        hint = did_you_mean(name, (*(each for kind in KINDS for each in discover(kind).found), *PRESETS))
        raise typer.BadParameter(f"'{name}' is not one of {known}, nor the name of one of them{hint}")


def _check_broken(name: str) -> None:
    """Raise `UserError` with the reason if a broken file has this name."""
    for broken in (each for kind in KINDS for each in discover(kind).broken if each.name == name):
        raise UserError(f"{broken.file} is broken: {broken.why}")


def _print_prompts(dataset: str) -> None:
    from bench.data.imported import expected  # noqa: PLC0415 - most listings read no dataset
    from bench.data.load import load_dataset  # noqa: PLC0415
    from bench.run.dataset_source import dataset_folder  # noqa: PLC0415
    from bench.run.folder import RunFolder  # noqa: PLC0415

    with scratch_folder() as scratch:
        with contextlib.redirect_stdout(sys.stderr):  # a builder's output is not part of the CSV
            folder = dataset_folder(dataset, RunFolder(scratch))
        typer.echo(expected(load_dataset(folder)), nl=False)


def _list_all() -> None:
    """A line for everything that there is, and where more of it stands."""
    for kind in KINDS:
        discovery = discover(kind)
        listed = table(kind, ("name", "what it is"))
        for drop_in in discovery.found.values():
            more = f" ({count(len(drop_in.variants), 'variant')})" if drop_in.variants else ""
            listed.add_row(Text(drop_in.name), Text(f"{drop_in.summary}{more}"))
        _add_broken(listed, discovery)
        console.print(listed)
    presets = table("metric presets", ("name", "what it is"))
    for preset in PRESETS.values():
        presets.add_row(Text(preset.name), Text(preset.summary))
    console.print(presets)
    console.print(
        f"Variants, settings and sources: bench list {'|'.join((*KINDS, 'presets'))}; all of one: bench list NAME",
        soft_wrap=True,
        markup=False,
    )


def _add_broken(listed: Table, discovery: Discovery) -> None:
    """Add the files that cannot be used, with the reason."""
    for broken in discovery.broken:
        cells = [Text(broken.name), Text(f"broken: {broken.why}"), Text(str(broken.file))]
        listed.add_row(*cells[: len(listed.columns)], style="red")


def _list_kind(kind: Kind) -> None:
    discovery = discover(kind)
    listed = table(kind, COLUMNS)
    for drop_in in discovery.found.values():
        names = "\n".join((drop_in.name, *(f"{drop_in.name}:{variant}" for variant in drop_in.variants)))
        settings = ", ".join(public_name(field) for field in fields(drop_in.role))
        about = Text.assemble(drop_in.summary, ("\n" + settings if settings else "", "dim"))
        listed.add_row(Text(names), about, Text(drop_in.source))
    _add_broken(listed, discovery)
    console.print(listed)


def _list_presets() -> None:
    listed = table("metric presets", ("name", "what it is", "models"))
    for preset in PRESETS.values():
        models = (f"{name} ({revision})" for name, revision in models_of(preset).items())
        listed.add_row(Text(preset.name), Text(preset.summary), Text("\n".join(models)))
    console.print(listed)
