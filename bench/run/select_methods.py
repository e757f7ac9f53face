"""Selects the methods of a run; `all` stands for every installed one that can run here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.core.errors import UserError
from bench.plugins.discovery import DropIn, discover
from bench.plugins.method import HasRequirements
from bench.plugins.spec import Configured, configure, distinct, required

ALL = "all"


@dataclass(frozen=True)
class MethodSelection:
    """The specs of the methods to run, and the methods that `all` skips, each with the reason."""

    methods: tuple[str, ...]
    skipped: tuple[str, ...]


def select_methods(texts: Sequence[str]) -> MethodSelection:
    """The methods that the specs name, each once whatever its spelling, in order.

    Raises `UserError` for an invalid spec, and for a method named explicitly that cannot run here.
    """
    everyone = dict(_everyone()) if ALL in texts else {}
    methods: list[str] = []
    for text in texts:
        if text == ALL:
            methods.extend(name for name, why in everyone.items() if why is None)
        else:
            _check(configure("methods", text))
            methods.append(text)
    skipped = tuple(f"{name} ({why})" for name, why in everyone.items() if why is not None and name not in methods)
    return MethodSelection(distinct("methods", methods), skipped)


def _everyone() -> Iterator[tuple[str, str | None]]:
    """Every installed method with the reason why it cannot run here, if there is one."""
    for name, found in discover("methods").found.items():
        yield name, _obstacle(found)


def _obstacle(found: DropIn) -> str | None:
    needed = [name.rstrip("_") for name in required(found.role)]
    if needed:
        return f"needs {found.name}[{', '.join(f'{name}=...' for name in needed)}]"
    instance = found.role()
    return instance.missing_requirements() if isinstance(instance, HasRequirements) else None


def _check(method: Configured) -> None:
    why = method.instance.missing_requirements() if isinstance(method.instance, HasRequirements) else None
    if why is not None:
        raise UserError(f"{method.spec} cannot run here: {why}")
