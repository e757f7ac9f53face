"""`bench list`: what there is."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench.content import KINDS, Kind, discover
from bench.metrics import METRICS
from bench.spec import field_types

console = Console()


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("list")(list_content)


def list_content(
    what: Annotated[str | None, typer.Argument(help="methods, datasets, reports or metrics; all by default")] = None,
) -> None:
    """List methods, datasets, reports and metrics, each with one line, its settings and its source."""
    known = (*KINDS, "metrics")
    if what is not None and what not in known:
        raise typer.BadParameter(f"'{what}' is not one of {', '.join(known)}")
    for kind in KINDS:
        if what in (None, kind):
            _list_kind(kind)
    if what in (None, "metrics"):
        _list_metrics()


def _list_kind(kind: Kind) -> None:
    discovery = discover(kind)
    table = _table(kind)
    for drop_in in discovery.found.values():
        fields = ", ".join(field_types(drop_in.role))
        variants = "".join(f"\n{drop_in.name}:{variant}" for variant in drop_in.variants)
        table.add_row(drop_in.name + variants, f"{drop_in.summary}\n[dim]{fields}[/dim]", drop_in.source)
    for broken in discovery.broken:
        table.add_row(f"[red]{broken.name}[/red]", f"[red]broken: {broken.why}[/red]", str(broken.file))
    console.print(table)


def _list_metrics() -> None:
    table = _table("metrics")
    for metric in METRICS:
        table.add_row(metric.name, metric.description, metric.source)
    console.print(table)


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", expand=False)
    for column in ("name", "what it is", "source"):
        table.add_column(column, overflow="fold")
    return table
