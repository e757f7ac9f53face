"""Pages of the site that are generated: methods, datasets, metrics, reports, presets, columns and the command line."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Iterable
from pathlib import Path

import typer.cli
import typer.main

from bench.cli.describe import Section, column_sections, ledger_section, preset_sections, sections
from bench.cli.main import build_app
from bench.edit.ledger import LEDGER
from bench.plugins.discovery import KINDS, DropIn, discover
from bench.scoring.presets import PRESETS

EDIT = "What paper and code leave open or contradict each other in, and what `bench edit` does."


def write_reference(folder: Path) -> None:
    """Write all generated pages into `folder`, in place of those of an earlier build."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for kind in KINDS:
        found = discover(kind).found
        _write(folder / f"{kind}.md", kind.capitalize(), *(_drop_in(each) for each in found.values()))
    presets = (_headed(each.name, each.summary, preset_sections(each)) for each in PRESETS.values())
    _write(folder / "presets.md", "Metric presets", *presets)
    columns = (f"## {each.title.capitalize()}\n\n{_table(each)}" for each in column_sections())
    _write(folder / "columns.md", "Columns of `scores.parquet`", *columns)
    _write(folder / "edit.md", "Fidelity of `bench edit`", EDIT, _table(ledger_section("", LEDGER)))
    (folder / "cli.md").write_text(_command_line(), encoding="utf-8")


def _write(file: Path, title: str, *parts: str) -> None:
    file.write_text("\n\n".join((f"# {title}", *parts)) + "\n", encoding="utf-8")


def _drop_in(drop_in: DropIn) -> str:
    about = f"{_escaped(drop_in.summary)}. Source: {_escaped(drop_in.source)}.\n\n{_docstring(drop_in)}"
    return _headed(drop_in.name, about, sections(drop_in))


def _docstring(drop_in: DropIn) -> str:
    """A class's docstring; what is indented in it, as commands, becomes a block of code by itself."""
    return inspect.getdoc(drop_in.role) or ""


def _headed(name: str, about: str, found: Iterable[Section]) -> str:
    tables = (f"**{each.title.capitalize()}**\n\n{_table(each)}" for each in found)
    return "\n\n".join((f"## `{name}`", about, *tables))


def _table(section: Section) -> str:
    """A section's table in Markdown."""
    rows = (section.columns, ("---",) * len(section.columns), *section.rows)
    return "\n".join(f"| {' | '.join(map(_escaped, row))} |" for row in rows)


def _escaped(text: str) -> str:
    """Text for a cell: on one line, and nothing in it a bar or a tag."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[")


def _command_line() -> str:
    command = typer.main.get_command(build_app())
    context = command.context_class(command, info_name="bench")
    made = typer.cli.get_docs_for_click(obj=command, ctx=context, name="bench", title="Command line")
    return "\n".join(line.replace("<", "&lt;") if not line.startswith("$") else line for line in made.splitlines())
