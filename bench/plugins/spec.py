"""What the command line calls a drop-in: `name`, `name:variant` and `name[field=value,...]`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

import pydantic

from bench.core.errors import UserError
from bench.plugins.discovery import DropIn, Kind, find

_SPEC = re.compile(r"(?P<name>[^:\[\]]+)(:(?P<variant>[^:\[\]]+))?(\[(?P<settings>.*)\])?", re.DOTALL)


@dataclass(frozen=True)
class Configured:
    """A drop-in with its fields set; `text` is what it was called on the command line."""

    text: str
    drop_in: DropIn
    instance: Any

    @property
    def configuration(self) -> dict[str, Any]:
        """The value of every field, as recorded with the results."""
        return {public_name(field): _plain(getattr(self.instance, field.name)) for field in fields(self.instance)}

    @property
    def key_fields(self) -> dict[str, Any]:
        """The value of every field that can change a result: all but those marked `INCIDENTAL`."""
        left_out = {public_name(field) for field in fields(self.instance) if field.metadata.get("incidental")}
        return {name: value for name, value in self.configuration.items() if name not in left_out}


def split_specs(text: str) -> tuple[str, ...]:
    """Split at the commas outside brackets: `ours[a=1,b=2],ti-m` -> `ours[a=1,b=2]`, `ti-m`."""
    parts = re.split(r",(?![^\[]*\])", text)
    return tuple(part.strip() for part in parts if part.strip())


def configure(kind: Kind, text: str) -> Configured:
    """Build the drop-in that `text` names.

    Raises `UserError` for a malformed text, an unknown name, variant or field, and a value of the wrong type.
    """
    match = _SPEC.fullmatch(text.strip())
    if match is None:
        raise UserError(f"'{text}' is not understood; write name, name:variant or name[field=value,...]")
    drop_in = find(kind, match["name"])
    values = {**_variant(drop_in, match["variant"]), **_settings(drop_in, match["settings"] or "")}
    lacking = [name for name in required(drop_in.role) if name not in values]
    if lacking:
        told = ", ".join(f"{name.rstrip('_')}=..." for name in lacking)
        raise UserError(f"{drop_in.name} needs to be told more: {drop_in.name}[{told}] (`bench list {drop_in.name}`)")
    return Configured(text.strip(), drop_in, drop_in.role(**values))


def required(role: type[Any]) -> tuple[str, ...]:
    """The names of the fields of a drop-in's class that have no default."""
    return tuple(each.name for each in fields(role) if each.default is MISSING and each.default_factory is MISSING)


def public_name(field: Field[Any]) -> str:
    """A field's name as users write it: `from` for `from_`, since a keyword cannot be a field's name."""
    return field.name.rstrip("_")


def field_types(role: type[Any]) -> dict[str, Any]:
    """The fields of a drop-in's class with their types, `Annotated` help texts included."""
    hints = get_type_hints(role, include_extras=True)
    return {field.name: hints[field.name] for field in fields(role)}


def _variant(drop_in: DropIn, name: str | None) -> Mapping[str, Any]:
    if name is None:
        return {}
    if name not in drop_in.variants:
        known = ", ".join(f"{drop_in.name}:{variant}" for variant in drop_in.variants) or "none"
        raise UserError(f"'{drop_in.name}' has no variant '{name}'; known: {known}")
    return drop_in.variants[name]


def _plain(value: object) -> object:
    """A value as JSON has it."""
    return str(value) if isinstance(value, Path) else value


def _settings(drop_in: DropIn, text: str) -> dict[str, Any]:
    # A value may hold specs with settings of their own: a comma within their brackets is theirs.
    parts = re.split(r",(?=\s*\w+\s*=)(?![^\[]*\])", text)
    return dict(_setting(drop_in, part) for part in parts if part.strip())


def _setting(drop_in: DropIn, part: str) -> tuple[str, Any]:
    name, equals, value = (piece.strip() for piece in part.partition("="))
    types = field_types(drop_in.role)
    known = {each.rstrip("_"): each for each in types}
    if not equals or name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else "."
        raise UserError(f"'{drop_in.name}' has no field '{name}'{hint} Known: {', '.join(known) or 'none'}")
    try:
        return known[name], pydantic.TypeAdapter(types[known[name]]).validate_python(value)
    except pydantic.ValidationError as error:
        raise UserError(f"{drop_in.name}[{name}={value}]: {error.errors()[0]['msg'].lower()}") from None
