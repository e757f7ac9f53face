"""Everything known of one drop-in or preset, as tables."""

from __future__ import annotations

import inspect
import math
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, fields
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

WIDE = 200
"""Columns of a table where no terminal says how many there are: a name that is folded cannot be searched for."""
console = Console() if sys.stdout.isatty() or "COLUMNS" in os.environ else Console(width=WIDE)
_BY_HASH = "files: their hash is recorded with the run"


@dataclass(frozen=True)
class Section:
    """A titled table of text: what is shown of a drop-in or a preset."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sections(drop_in: DropIn) -> tuple[Section, ...]:
    """Everything known of a drop-in beside its docstring: settings, variants, columns and fidelity ledger, as far as it
    has them. Columns are a metric's, and those of a report's CSV files."""
    variants = (
        (f"{drop_in.name}:{name}", ", ".join(f"{k}={v}" for k, v in values.items()))
        for name, values in drop_in.variants.items()
    )
    found = [
        Section("settings", ("field", "default", "what it is"), tuple(_settings(drop_in))),
        Section("variants", ("name", "sets"), tuple(variants)),
    ]
    if drop_in.kind == "metrics":
        found.append(_columns_section("columns", drop_in))
    for name, file in getattr(drop_in.role, "files", {}).items():
        found.append(Section(f"{name}: one row is {file.row}", ("column", "what it is"), tuple(file.columns.items())))
    found.append(ledger_section("fidelity ledger", drop_in.ledger))
    return tuple(section for section in found if section.rows)


def ledger_section(title: str, ledger: Iterable[FidelityNote]) -> Section:
    """A fidelity ledger."""
    notes = ((note.choice, note.sources, note.here, note.why) for note in ledger)
    return Section(title, ("choice", "sources say", "here", "why"), tuple(notes))


def preset_sections(preset: Preset) -> tuple[Section, ...]:
    """Every setting of a preset and its models, also those that it cannot pin."""
    settings = ((name, str(value)) for name, value in preset.describe().items())
    return (
        Section("settings", ("setting", "value"), tuple(settings)),
        Section("models", ("name", "revision"), tuple(models_of(preset).items())),
    )


def column_sections() -> tuple[Section, ...]:
    """Every column of `scores.parquet` with its meaning: the common ones, then those of each metric."""
    metrics = discover("metrics").found.values()
    return (
        Section("columns of every run", ("name", "what it is"), tuple(COLUMNS.items())),
        *(_columns_section(f"columns of {metric.name}", metric) for metric in metrics),
    )


def describe(drop_in: DropIn) -> None:
    """Print a drop-in's docstring and its sections."""
    console.print(Text.assemble((drop_in.name, "bold"), f"  {drop_in.source}\n{_unwrapped(drop_in.role)}"))
    show(sections(drop_in))


def describe_preset(preset: Preset) -> None:
    """Print a preset's sections and its segmenter's class words."""
    console.print(Text.assemble((preset.name, "bold"), f"  {preset.summary}"))
    show(preset_sections(preset))
    console.print(Text.assemble(("class words that the segmenter knows\n", "bold"), _class_words(preset)))


def show(found: Iterable[Section]) -> None:
    """Print sections that have rows as tables; text in brackets is not markup."""
    for section in found:
        made = table(section.title, section.columns)
        for row in section.rows:
            made.add_row(*map(Text, row))
        if made.row_count:
            console.print(made)


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


def table(title: str, columns: Iterable[str]) -> Table:
    """An empty table in the style of `bench list`."""
    made = Table(title=title, title_justify="left", title_style="bold", expand=False)
    for column in columns:
        made.add_column(column, overflow="fold", no_wrap=column == "name")
    return made


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


def _columns_section(title: str, metric: DropIn) -> Section:
    return Section(title, ("name", "what it is", "better", "range"), tuple(map(_column, _columns(metric))))


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
