"""The options that `bench run` and `bench edit` share."""

from __future__ import annotations

import dataclasses
from typing import get_type_hints

import pytest

from bench.cli.edit import edit
from bench.cli.run import run
from bench.run.options import BackboneOptions


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(BackboneOptions)])
def test_run_and_edit_take_them_alike(name: str) -> None:
    """The same type, bounds and help text."""
    of_run, of_edit = (get_type_hints(verb, include_extras=True)[name] for verb in (run, edit))
    assert of_run == of_edit


def test_they_are_given_by_name() -> None:
    with pytest.raises(TypeError, match="positional"):
        BackboneOptions("playroom", None)  # type: ignore[misc]
