"""What a builder says on standard output."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table


def say(what: str | Table) -> None:
    """Print a remark (one line however narrow the terminal; brackets in a path are no markup) or a table."""
    Console().print(what, soft_wrap=isinstance(what, str), markup=False, highlight=False)
