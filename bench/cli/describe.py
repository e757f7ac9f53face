"""Everything known of one drop-in or preset, as tables."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.core.errors import UserError
from bench.core.table import COLUMNS
from bench.plugins.discovery import DropIn, discover
from bench.plugins.method import FidelityNote
from bench.plugins.metric import Column
from bench.plugins.spec import configure, field_types, public_name, required
from bench.scoring.models.class_words import known_words
from bench.scoring.models.sources import ModelSource
from bench.scoring.presets import PRESETS, Preset
from bench.scoring.selection import columns_of

console = Console()
_BY_HASH = "files: their hash is recorded with the run"


def describe(drop_in: DropIn) -> None:
    """Print a drop-in's summary, settings, variants, columns (a metric's, a report's CSV files'), and ledger."""
    console.print(Text.assemble((drop_in.name, "bold"), f"  {drop_in.source}\n{_unwrapped(drop_in.role)}"))
    _show("settings", ("field", "default", "what it is"), _settings(drop_in))
    variants = (
        (f"{drop_in.name}:{name}", ", ".join(f"{k}={v}" for k, v in values.items()))
        for name, values in drop_in.variants.items()
    )
    _show("variants", ("name", "sets"), variants)
    if drop_in.kind == "metrics":
        _show("columns", ("name", "what it is", "better", "range"), map(_column, _columns(drop_in)))
    for name, file in getattr(drop_in.role, "files", {}).items():
        _show(f"{name}: one row is {file.row}", ("column", "what it is"), file.columns.items())
    describe_ledger("fidelity ledger", drop_in.ledger)


def describe_ledger(title: str, ledger: Iterable[FidelityNote]) -> None:
    """Print a fidelity ledger if it has rows."""
    notes = ((note.choice, note.sources, note.here, note.why) for note in ledger)
    _show(title, ("choice", "sources say", "here", "why"), notes)


def describe_preset(preset: Preset) -> None:
    """Print every setting of a preset, its models, also those that it cannot pin, and its segmenter's class words."""
    console.print(Text.assemble((preset.name, "bold"), f"  {preset.summary}"))
    _show("settings", ("setting", "value"), ((name, str(value)) for name, value in preset.describe().items()))
    _show("models", ("name", "revision"), models_of(preset).items())
    console.print(Text.assemble(("class words that the segmenter knows\n", "bold"), _class_words(preset)))


def _class_words(preset: Preset) -> str:
    """All class words of the preset's segmenter, or why they are not known here."""
    try:
        return ", ".join(sorted(known_words(preset)))
    except UserError as error:
        return f"not known here: {error}"


def _unwrapped(role: type[object]) -> str:
    """A class's docstring with one line per paragraph, for the terminal to wrap."""
    return re.sub(r"(?<!\n)\n(?![\n -])", " ", inspect.getdoc(role) or "")


def models_of(preset: Preset) -> dict[str, str]:
    """The revision of each of a preset's models, by the model's name."""
    return {**{source.name: _revision(source) for source in preset.sources}, preset.lpips.name: _BY_HASH}


def describe_columns() -> None:
    """Print every column of `scores.parquet` with its meaning: the common ones, then those of each metric."""
    _show("columns of every run", ("name", "what it is"), COLUMNS.items())
    for metric in discover("metrics").found.values():
        _show(f"columns of {metric.name}", ("name", "what it is", "better", "range"), map(_column, _columns(metric)))


def table(title: str, columns: Iterable[str]) -> Table:
    """An empty table in the style of `bench list`."""
    made = Table(title=title, title_justify="left", title_style="bold", expand=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def _show(title: str, columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> None:
    """Print a table if it has rows; text in brackets is not markup."""
    made = table(title, columns)
    for row in rows:
        made.add_row(*map(Text, row))
    if made.row_count:
        console.print(made)


def _settings(drop_in: DropIn) -> Iterable[tuple[str, ...]]:
    for field in fields(drop_in.role):
        default = "" if field.default is MISSING else _shown(_default(drop_in, field.name, field.default))
        yield public_name(field), default, _help(drop_in, field.name)


def _revision(source: ModelSource) -> str:
    if source.folder is not None:
        return _BY_HASH
    return f"commit {source.revision}" if source.is_pinned else "not pinned: the commit is recorded with the run"


def _columns(metric: DropIn) -> Iterable[Column]:
    """A metric's columns under every preset, each once."""
    if required(metric.role):
        return tuple(metric.role.columns)
    made, found = configure("metrics", metric.name), dict[str, Column]()
    for preset in PRESETS.values():
        for column in columns_of(made, preset):
            found.setdefault(column.name, column)
    return found.values()


def _column(column: Column) -> tuple[str, ...]:
    least, greatest = column.range
    bounded = math.isfinite(least) or math.isfinite(greatest)
    return column.name, column.description, column.better or "", f"{least:g} to {greatest:g}" if bounded else ""


def _shown(value: object) -> str:
    return str(value) if isinstance(value, Path) else repr(value)


def _default(drop_in: DropIn, name: str, default: object) -> object:
    """The default of a field as shown: one that depends on the variant, as `__post_init__` sets it."""
    complete = all(field.default is not MISSING for field in fields(drop_in.role))
    return getattr(drop_in.role(), name) if complete else default


def _help(drop_in: DropIn, name: str) -> str:
    return next((part for part in get_args(field_types(drop_in.role)[name])[1:] if isinstance(part, str)), "")
