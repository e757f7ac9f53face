"""Remarks and tables on standard output, as dataset builders print them."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table


def say(what: str | Table) -> None:
    """Print a remark (one line however narrow the terminal; brackets in a path are not markup) or a table."""
    Console().print(what, soft_wrap=isinstance(what, str), markup=False, highlight=False)
