"""`bench build-dataset`: one subcommand per builder of `datasets/`, with its fields as options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer
from rich.console import Console

from bench.core import defaults
from bench.core.console import say
from bench.data.build import build_dataset
from bench.data.templates import takes_no_templates
from bench.plugins.discovery import DropIn, discover, find
from bench.plugins.spec import field_types

remarks = Console(stderr=True)

_FOLDER = Path("data")
_OUT = "folder to write; nothing else may be in it"
_NOT_TAKEN = "templates_not_taken"
_REFUSED_TEMPLATES = Annotated[str | None, typer.Option("--templates", hidden=True)]
"""The option of a builder without a field for it: what is missing is said, not that there is no such option."""


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    verb = typer.Typer(
        help="Build a dataset: pictures, masks, prompts and a manifest to share. Without a builder: rules of "
        "Break-A-Scene over Playroom's drawn toys.",
        rich_markup_mode="markdown",
    )
    verb.callback(invoke_without_command=True)(_bare)
    discovery = discover("datasets")
    for drop_in in discovery.found.values():
        _add_builder(verb, drop_in)
    app.add_typer(verb, name="build-dataset")


def _add_builder(verb: typer.Typer, drop_in: DropIn) -> None:
    """Add a builder's commands; one whose fields cannot be options is reported and does not affect the others."""
    try:
        for name, values in _presets(drop_in):
            command = _command(drop_in, name, values)
            typer.main.get_command(_alone(command))
            verb.command(name, help=_help(drop_in))(command)
    except (RuntimeError, ValueError, TypeError, AssertionError) as error:
        remarks.print(f"the fields of {drop_in.file} cannot be options: {error}", soft_wrap=True, markup=False)


def _alone(command: Callable[..., None]) -> typer.Typer:
    app = typer.Typer()
    app.command()(command)
    return app


def _bare(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option(help=f"{_OUT}; by default {_FOLDER / defaults.BUILDER}")] = None,
    templates: Annotated[str, typer.Option(help="your own prompts; see `bench build-dataset playroom --help`")] = "",
) -> None:
    """Build the default dataset and say how to build one from COCO."""
    if context.invoked_subcommand is not None:
        if out is not None or templates:
            raise typer.BadParameter("write options after the builder's name")
        return
    build_dataset(find("datasets", defaults.BUILDER).role(templates=templates), out or _FOLDER / defaults.BUILDER)
    say(
        "These are Break-A-Scene's rules over Playroom's drawn toys. Over COCO: bench build-dataset "
        "break-a-scene --coco DIR, where DIR holds annotations/instances_*.json and the pictures."
    )


def _presets(drop_in: DropIn) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The drop-in itself, then `name:variant` for each variant, with the values that replace defaults."""
    yield drop_in.name, {}
    for variant, values in drop_in.variants.items():
        yield f"{drop_in.name}:{variant}", values


def _help(drop_in: DropIn) -> str:
    return f"{drop_in.summary[:1].upper()}{drop_in.summary[1:]}. ({drop_in.source})"


def _command(drop_in: DropIn, name: str, values: Mapping[str, Any]) -> Callable[..., None]:
    """A function whose parameters are `--out` and the builder's fields, for typer to read."""

    def build(out: Path, **options: Any) -> None:
        if options.pop(_NOT_TAKEN, None) is not None:
            raise takes_no_templates(drop_in.name, drop_in.file)
        build_dataset(drop_in.role(**options), out)

    default = _FOLDER / name.replace(":", "-")
    parameters = [_parameter("out", Annotated[Path, typer.Option(help=_OUT)], default)]
    types = field_types(drop_in.role)
    for field in fields(drop_in.role):
        made = field.default_factory() if field.default_factory is not MISSING else field.default
        start = values.get(field.name, inspect.Parameter.empty if made is MISSING else made)
        parameters.append(_parameter(field.name, _option(field.name, types[field.name]), start))
    if "templates" not in types:
        parameters.append(_parameter(_NOT_TAKEN, _REFUSED_TEMPLATES, None))
    build.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    build.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return build


def _option(name: str, annotation: Any) -> Any:
    """`Annotated[int, "help"]` as a typer option; a bool is a flag without a `--no-` form."""
    kind, *notes = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
    text = next((note for note in notes if isinstance(note, str)), None)
    return Annotated[kind, typer.Option(f"--{name.replace('_', '-')}", help=text)]


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
