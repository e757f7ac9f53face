"""Values checked against a type annotation, with errors of one line."""

from __future__ import annotations

from functools import cache
from typing import Any

import pydantic

from bench.core.errors import UserError


def validated(told: str, annotation: Any, value: object) -> Any:
    """The value converted to the annotation's type: "3" is 3 for an `int`.

    `told` is what the user wrote; the `UserError` for a value that does not fit quotes it.
    """
    return _validated(told, pydantic.TypeAdapter(annotation), value)


def _validated(told: str, adapter: pydantic.TypeAdapter[Any], value: object) -> Any:
    try:
        return adapter.validate_python(value)
    except pydantic.ValidationError as error:
        message = f"{told}: {error.errors()[0]['msg'].lower()}"
        raise UserError(" ".join(message.split())) from None


def check_field(instance: object, name: str, annotation: Any) -> None:
    """Raise `UserError` unless a field of a dataclass has a value that the annotation admits."""
    value = getattr(instance, name)
    _validated(f"{type(instance).__name__}({name}={value!r})", _adapter(annotation), value)


@cache
def _adapter(annotation: Any) -> pydantic.TypeAdapter[Any]:
    """What checks an annotation: slow to make, and a plan checks the recipe of every unit."""
    return pydantic.TypeAdapter(annotation)
