"""Values checked against a type annotation, with errors of one line."""

from __future__ import annotations

from functools import cache
from typing import Any

import pydantic

from bench.core.errors import UserError

_PLAIN = {
    "int_parsing": "not a whole number",
    "int_type": "not a whole number",
    "int_from_float": "not a whole number",
    "float_parsing": "not a number",
    "float_type": "not a number",
    "finite_number": "not a finite number",
    "bool_parsing": "not true or false",
    "bool_type": "not true or false",
}
"""What is said of a value, by pydantic's type of its error."""


def validated(told: str, annotation: Any, value: object) -> Any:
    """The value converted to the annotation's type: "3" is 3 for an `int`.

    `told` is what the user wrote; the `UserError` for a value that does not fit quotes it.
    """
    return _validated(told, pydantic.TypeAdapter(annotation), value)


def _validated(told: str, adapter: pydantic.TypeAdapter[Any], value: object) -> Any:
    try:
        return adapter.validate_python(value)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        why = _PLAIN.get(first["type"]) or first["msg"].lower().replace("input should be", "must be")
        raise UserError(" ".join(f"{told}: {why}".split())) from None


def check_field(instance: object, name: str, annotation: Any) -> None:
    """Raise `UserError` unless a field of a dataclass has a value that the annotation admits."""
    value = getattr(instance, name)
    _validated(f"{type(instance).__name__}({name}={value!r})", _adapter(annotation), value)


@cache
def _adapter(annotation: Any) -> pydantic.TypeAdapter[Any]:
    """What checks an annotation: slow to make, and a plan checks the recipe of every unit."""
    return pydantic.TypeAdapter(annotation)
