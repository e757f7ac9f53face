"""`bench audit`: do a published table's p values and sums follow from what it prints?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from bench.core.text import count

if TYPE_CHECKING:
    from bench.stats.audit.findings import Finding
    from bench.stats.audit.tables import Table

console = Console()
COLOURS = {"holds": "green", "depends": "yellow", "cannot follow": "bold red", "odd": "yellow", "note": "dim"}


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("audit")(audit)


def audit(
    table: Annotated[
        str | None,
        typer.Argument(metavar="[TABLE]", help="a CSV, or the name of a published table; without it these are listed"),
    ] = None,
) -> None:
    """Re-derive the tests of a published table from its means, spreads and n, and check its sums.

    Spreads are read as standard deviations and as variances, n as each method's and as that of all; every number may
    be rounded. Kinds of CSV, distinguished by their columns: `method,measure,mean,spread,n,p` (p of each method
    against the one whose p is `reference`; a method `all` for Kruskal-Wallis);
    `comparison,first,second,first_percent,neutral_percent,second_percent,n` (forced choice); `method,mean_rank,n,p`.
    Lines before the header may say `# source: ...`, `# design: paired`, `# scale: 1 5`, `# note: ...`.
    """
    from bench.stats.audit import audit as checks  # noqa: PLC0415 - scipy is slow to import
    from bench.stats.audit.tables import find_table, published, read_table  # noqa: PLC0415

    if table is None:
        for path in published():
            console.print(f"{path.stem}: {escape(read_table(path).source)}", soft_wrap=True)
        return
    found = find_table(table)
    _show(found, checks.audit(found))


def _show(table: Table, findings: tuple[Finding, ...]) -> None:
    console.print(f"[bold]{escape(table.source)}[/bold]")
    for note in table.notes:
        console.print(f"[dim]{escape(note)}[/dim]")
    grid = Grid(expand=False)
    for column in ("what", "printed", "from the table itself", "verdict"):
        grid.add_column(column, overflow="fold")
    for finding in findings:
        colour = COLOURS[finding.verdict]
        why = f"\n{escape(finding.why)}" if finding.why else ""
        verdict = f"[{colour}]{finding.verdict}[/{colour}]{why}"
        grid.add_row(escape(finding.what), escape(finding.printed), escape(_derived(finding)), verdict)
    console.print(grid)
    wrong = sum(finding.verdict == "cannot follow" for finding in findings)
    claimed = sum(finding.verdict != "note" for finding in findings)
    console.print(f"{wrong} of {count(claimed, 'printed claim')} cannot follow from the table.")


def _derived(finding: Finding) -> str:
    return "\n".join(f"{value}  ({reading})" if reading else value for reading, value in finding.derived.items())
