"""Specs, which name a drop-in on the command line: `name`, `name:variant` and `name[field=value,...]`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from bench.core.errors import UserError, did_you_mean, line_in, one_line
from bench.core.validation import validated
from bench.plugins.discovery import DropIn, Kind, find

_SPEC = re.compile(r"(?P<name>[^:\[\]]+)(:(?P<variant>[^:\[\]]+))?(\[(?P<settings>.*)\])?", re.DOTALL)


@dataclass(frozen=True)
class Configured:
    """A drop-in with its fields set; `spec` is the text that named it on the command line."""

    spec: str
    drop_in: DropIn
    instance: Any

    @property
    def configuration(self) -> dict[str, Any]:
        """The value of every field, as recorded with the results."""
        return {public_name(field): _plain(getattr(self.instance, field.name)) for field in fields(self.instance)}

    @property
    def canonical(self) -> str:
        """Equal for every spelling of the same drop-in with the same configuration."""
        return json.dumps([self.drop_in.name, self.configuration], sort_keys=True, default=repr)

    @property
    def key_fields(self) -> dict[str, Any]:
        """The value of every field that can change a result: all but those marked `INCIDENTAL`."""
        left_out = {public_name(field) for field in fields(self.instance) if field.metadata.get("incidental")}
        return {name: value for name, value in self.configuration.items() if name not in left_out}


def split_specs(text: str) -> tuple[str, ...]:
    """Split a list of specs at commas outside brackets: `ours[a=1,b=2],ti-m` -> `ours[a=1,b=2]`, `ti-m`."""
    parts, depth = [""], 0
    for sign in text:
        depth = max(0, depth + (sign == "[") - (sign == "]"))
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return tuple(part.strip() for part in parts if part.strip())


def split_name(text: str) -> tuple[str | None, str]:
    """The name given to a drop-in and its spec: `Mine=ours[a=1]` -> `Mine`, `ours[a=1]`; `ours[a=1]` has no name."""
    name, equals, spec = text.partition("=")
    return (name.strip(), spec.strip()) if equals and "[" not in name else (None, text.strip())


def spec_name(spec: str) -> str:
    """The name within a spec, `ours` of `ours:code[phase1_steps=0]`; all of a text that is no spec."""
    match = _SPEC.fullmatch(spec.strip())
    return match["name"] if match else spec


def configure(kind: Kind, spec: str) -> Configured:
    """Build the drop-in that `spec` names.

    Raises `UserError` for a malformed spec, an unknown name, variant or field, a value of the wrong type, and a class
    that fails to take its values.
    """
    match = _SPEC.fullmatch(spec.strip())
    if match is None:
        raise UserError(f"'{spec}' is not understood; write name, name:variant or name[field=value,...]")
    drop_in = find(kind, match["name"])
    values = {**_variant(drop_in, match["variant"]), **_settings(drop_in, match["settings"] or "")}
    lacking = [name for name in required(drop_in.role) if name not in values]
    if lacking:
        told = ", ".join(f"{name.rstrip('_')}=..." for name in lacking)
        raise UserError(f"{drop_in.name} needs to be told more: {drop_in.name}[{told}] (`bench list {drop_in.name}`)")
    return Configured(spec.strip(), drop_in, _made(spec.strip(), drop_in, values))


def distinct(kind: Kind, specs: Iterable[str]) -> tuple[str, ...]:
    """The specs in order, each configured drop-in once: of several spellings the first stays.

    Raises `UserError` as `configure` does.
    """
    first: dict[str, str] = {}
    for spec in specs:
        first.setdefault(configure(kind, spec).canonical, spec.strip())
    return tuple(first.values())


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


def _made(text: str, drop_in: DropIn, values: Mapping[str, Any]) -> Any:
    try:
        return drop_in.role(**values)
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{line_in(error, drop_in.file)}: {text} cannot be made: {one_line(error)}") from error


def _variant(drop_in: DropIn, name: str | None) -> Mapping[str, Any]:
    if name is None:
        return {}
    if name not in drop_in.variants:
        known = ", ".join(f"{drop_in.name}:{variant}" for variant in drop_in.variants) or "none"
        hint = did_you_mean(name, drop_in.variants)
        raise UserError(f"'{drop_in.name}' has no variant '{name}'{hint} Known: {known}")
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
        hint = did_you_mean(name, known)
        raise UserError(f"'{drop_in.name}' has no field '{name}'{hint} Known: {', '.join(known) or 'none'}")
    return known[name], validated(f"{drop_in.name}[{name}={value}]", types[known[name]], value)
