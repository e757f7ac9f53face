"""Display names of methods: what tables, plots and pages call them. Whatever is stored is keyed by their specs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from bench.core.errors import UserError
from bench.plugins.spec import configure

LONGEST = 60
_SYNTAX = "[],+="
"""Characters that lists of methods are made of."""


def check_name(name: str, spec: str) -> None:
    """Raise `UserError` for a name that could not be written in a list of methods, or not on one line."""
    if not name or not spec:
        raise UserError(f"'{name}={spec}' lacks a name or a method; write NAME=METHOD, such as Mine=ours[steps=200]")
    if any(c in _SYNTAX for c in name) or not name.isprintable() or name != name.strip():
        raise UserError(f"the name '{name}' of {spec} may not have any of {_SYNTAX} nor what cannot be printed")
    if len(name) > LONGEST:
        raise UserError(f"the name '{name[:20]}...' of {spec} has {len(name)} letters; at most {LONGEST} fit")


def matched(methods: Sequence[str], names: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The names by those specs that `methods` has, of (spec, name) pairs in whatever spelling; a later pair counts.

    A method that is named as it is written has no name. Raises `UserError` if two methods have one name, or one has a
    name that is another's spec.
    """
    found: dict[str, str] = {}
    for spec, name in names:
        kept = spec if spec in methods else _other_spelling(spec, methods)
        if name in (spec, kept):
            found.pop(kept, None)
        else:
            found[kept] = name
    _check_unique(methods, found)
    return found


def label(names: Mapping[str, str], spec: str) -> str:
    """The method's name; its spec where it has none."""
    return names.get(spec, spec)


def written(names: Mapping[str, str], specs: Sequence[str]) -> tuple[str, ...]:
    """The methods as one writes them for `--methods`: `Mine=import[from=ext]`, `ours`."""
    return tuple(f"{names[spec]}={spec}" if spec in names else spec for spec in specs)


def _other_spelling(spec: str, methods: Sequence[str]) -> str:
    wanted = configure("methods", spec).canonical
    return next(each for each in methods if configure("methods", each).canonical == wanted)


def _check_unique(methods: Sequence[str], names: Mapping[str, str]) -> None:
    counts = Counter(label(names, spec) for spec in methods)
    for spec, name in names.items():
        if counts[name] > 1 or name in (each for each in methods if each != spec):
            others = [each for each in methods if each != spec and name in (each, label(names, each))]
            raise UserError(f"two methods would be called '{name}': {spec} and {others[0]}; give one another name")
