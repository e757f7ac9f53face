"""Selects the methods of a run; `all` stands for every installed one that can run here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bench.core.errors import UserError
from bench.plugins.discovery import DropIn, discover
from bench.plugins.method import HasRequirements
from bench.plugins.spec import Configured, configure, distinct, required, split_name
from bench.run.contracts import check_configuration, own_code
from bench.run.names import check_name, matched

ALL = "all"


@dataclass(frozen=True)
class MethodSelection:
    """The specs of the methods to run, and the methods that `all` skips, each with the reason.

    `names` are the specs, as they were written, that were given a display name, with that name.
    """

    methods: tuple[str, ...]
    skipped: tuple[str, ...]
    names: tuple[tuple[str, str], ...] = ()


def select_methods(texts: Sequence[str]) -> MethodSelection:
    """The methods that the specs name, each once whatever its spelling, in order; `NAME=SPEC` gives it a name.

    Raises `UserError` for an invalid spec or name, for a method whose configuration is wrong (as a recipe with a phase
    that there is not), and for one named explicitly that cannot run here.
    """
    given = [split_name(text) for text in texts]
    for name, spec in given:
        if name is not None:
            check_name(name, spec)
    named = tuple((spec, name) for name, spec in given if name is not None)
    selection = _selected([spec for _, spec in given])
    for name, spec in given:
        if name is not None and spec == ALL:
            raise UserError(f"'{name}={ALL}' would name several methods alike; give each its own: NAME=METHOD")
    _refuse_two_names(selection.methods, named)
    matched(selection.methods, named)
    return replace(selection, names=named)


def _selected(texts: Sequence[str]) -> MethodSelection:
    everyone = dict(_everyone()) if ALL in texts else {}
    methods: list[str] = []
    for text in texts:
        if text == ALL:
            methods.extend(name for name, why in everyone.items() if why is None)
        else:
            _check(configure("methods", text))
            methods.append(text)
    for text in methods:
        check_configuration(configure("methods", text))
    skipped = tuple(f"{name} ({why})" for name, why in everyone.items() if why is not None and name not in methods)
    return MethodSelection(distinct("methods", methods), skipped)


def _refuse_two_names(methods: Sequence[str], named: Sequence[tuple[str, str]]) -> None:
    first: dict[str, str] = {}
    for pair in named:
        ((spec, name),) = matched(methods, [pair]).items() or [pair]
        if first.setdefault(spec, name) != name:
            raise UserError(f"{spec} is called both '{first[spec]}' and '{name}'; give it one name")


def _everyone() -> Iterator[tuple[str, str | None]]:
    """Every installed method with the reason why it cannot run here, if there is one."""
    for name, found in discover("methods").found.items():
        yield name, _obstacle(found)


def _obstacle(found: DropIn) -> str | None:
    needed = [name.rstrip("_") for name in required(found.role)]
    if needed:
        return f"needs {found.name}[{', '.join(f'{name}=...' for name in needed)}]"
    try:
        return _lack(configure("methods", found.name))
    except UserError as error:
        return str(error)


def _lack(method: Configured) -> str | None:
    """What the machine lacks for a method, if anything; raises `UserError` if the method cannot tell."""
    with own_code(method):
        why: object = method.instance.missing_requirements() if isinstance(method.instance, HasRequirements) else None
        if why is not None and not isinstance(why, str):
            raise TypeError(f"missing_requirements() gave {why!r:.40}; it must give a text, or None")
    return why


def _check(method: Configured) -> None:
    why = _lack(method)
    if why is not None:
        raise UserError(f"{method.spec} cannot run here: {why}")
