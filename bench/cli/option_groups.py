"""Options that several verbs share, as one parameter: a frozen dataclass whose every field is an option."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import wraps
from typing import Any

import typer


@dataclass(frozen=True)
class OptionGroup:
    """The options that make a `record`, a frozen dataclass: the annotation of each field's option, and its default.

    A field without a default of its own takes it from `defaults`.
    """

    record: type[Any]
    options: Mapping[str, Any]
    defaults: Mapping[str, Any]

    def parameters(self) -> list[inspect.Parameter]:
        """One keyword for every field, as typer reads it."""
        return [
            inspect.Parameter(
                each.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=self.defaults[each.name] if each.default is MISSING else each.default,
                annotation=self.options[each.name],
            )
            for each in fields(self.record)
        ]

    def taken(self, given: dict[str, Any]) -> Any:
        """The record; its options are taken out of what a verb was given."""
        return self.record(**{each.name: given.pop(each.name) for each in fields(self.record)})


def given_options(context: typer.Context) -> frozenset[str]:
    """The names of the options that the command line gives, whatever their values; the others have their defaults."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return frozenset(name for name, source in sources.items() if source is not None and source.name != "DEFAULT")


def given_words(context: typer.Context) -> list[str]:
    """The options that the command line gives, as words of it."""
    given, words = given_options(context), list[str]()
    for parameter in context.command.params:
        if parameter.name in given:
            value = context.params[str(parameter.name)]
            words += [parameter.opts[0]] if value is True else [parameter.opts[0], str(value)]
    return words


def with_options(**groups: OptionGroup) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator: the verb's parameters of these names stand for all options of a group."""

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(verb, eval_str=True).parameters.values()
        kept = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own if one.name not in groups]
        shared = [parameter for group in groups.values() for parameter in group.parameters()]

        @wraps(verb)
        def called(**given: Any) -> None:
            records = {name: group.taken(given) for name, group in groups.items()}
            verb(**given, **records)

        called.__signature__ = inspect.Signature([*kept, *shared])  # type: ignore[attr-defined]
        called.__annotations__ = {one.name: one.annotation for one in (*kept, *shared)}
        return called

    return decorate
