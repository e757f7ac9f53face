"""`bench list`: what there is."""

from __future__ import annotations

import contextlib
import inspect
import sys
import tempfile
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.metrics import METRICS
from bench.plugins.discovery import KINDS, DropIn, Kind, discover
from bench.plugins.spec import field_types, public_name

console = Console()
COLUMNS = ("name", "what it is", "source")


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("list")(list_content)


def list_content(
    what: Annotated[
        str | None, typer.Argument(help="methods, datasets, reports, metrics, or one of them by name; all by default")
    ] = None,
    prompts: Annotated[
        str | None,
        typer.Option(
            metavar="DATASET",
            help="instead: the CSV of every prompt of a dataset (a folder or a recipe), for pictures made elsewhere "
            "and `bench run --methods import[from=...]`",
        ),
    ] = None,
) -> None:
    """List methods, datasets, reports and metrics, each with one line, its settings and its source.

    Of one by name: every setting, every variant, and the fidelity ledger: what its sources leave open or contradict
    each other in, and what is done here.
    """
    if prompts is not None:
        _print_prompts(prompts)
        return
    known = (*KINDS, "metrics")
    if what is not None and what not in known:
        named = [found for kind in KINDS for name, found in discover(kind).found.items() if name == what]
        if not named:
            raise typer.BadParameter(f"'{what}' is not one of {', '.join(known)}, nor the name of one of them")
        for drop_in in named:
            describe(drop_in)
        return
    for kind in KINDS:
        if what in (None, kind):
            _list_kind(kind)
    if what in (None, "metrics"):
        _list_metrics()


def _print_prompts(dataset: str) -> None:
    from bench.data.imported import expected  # noqa: PLC0415 - most listings read no dataset
    from bench.data.load import load_dataset  # noqa: PLC0415
    from bench.run.dataset_source import dataset_folder  # noqa: PLC0415
    from bench.run.folder import RunFolder  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as name:
        with contextlib.redirect_stdout(sys.stderr):  # what a recipe says is no part of the CSV
            folder = dataset_folder(dataset, RunFolder(Path(name)))
        typer.echo(expected(load_dataset(folder)), nl=False)


def describe(drop_in: DropIn) -> None:
    """Print all there is to know of a drop-in: what it is, its settings, its variants and its ledger."""
    console.print(
        f"[bold]{drop_in.name}[/bold]  {escape(drop_in.source)}\n{escape(inspect.getdoc(drop_in.role) or '')}"
    )
    settings = _table("settings", "field", "default", "what it is")
    for field in fields(drop_in.role):
        default = "" if field.default is MISSING else _shown(_default(drop_in, field.name, field.default))
        settings.add_row(public_name(field), escape(default), escape(_help(drop_in, field.name)))
    console.print(settings)
    if drop_in.variants:
        variants = _table("variants", "name", "sets")
        for name, values in drop_in.variants.items():
            variants.add_row(f"{drop_in.name}:{name}", escape(", ".join(f"{k}={v}" for k, v in values.items())))
        console.print(variants)
    if drop_in.ledger:
        ledger = _table("fidelity ledger", "choice", "sources say", "here", "why")
        for choice in drop_in.ledger:
            ledger.add_row(*(escape(part) for part in (choice.choice, choice.sources, choice.here, choice.why)))
        console.print(ledger)


def _shown(value: object) -> str:
    return str(value) if isinstance(value, Path) else repr(value)


def _default(drop_in: DropIn, name: str, default: object) -> object:
    """A default that the drop-in fills in as it is made, such as one of its variants, is shown as filled in."""
    complete = all(field.default is not MISSING for field in fields(drop_in.role))
    return getattr(drop_in.role(), name) if complete else default


def _help(drop_in: DropIn, name: str) -> str:
    return next((part for part in get_args(field_types(drop_in.role)[name])[1:] if isinstance(part, str)), "")


def _list_kind(kind: Kind) -> None:
    discovery = discover(kind)
    table = _table(kind, *COLUMNS)
    for drop_in in discovery.found.values():
        named = ", ".join(public_name(field) for field in fields(drop_in.role))
        variants = "".join(f"\n{drop_in.name}:{variant}" for variant in drop_in.variants)
        table.add_row(drop_in.name + variants, f"{drop_in.summary}\n[dim]{named}[/dim]", drop_in.source)
    for broken in discovery.broken:
        table.add_row(f"[red]{broken.name}[/red]", f"[red]broken: {broken.why}[/red]", str(broken.file))
    console.print(table)


def _list_metrics() -> None:
    table = _table("metrics", *COLUMNS)
    for metric in METRICS:
        table.add_row(metric.label, metric.description, metric.source)
    console.print(table)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", expand=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
