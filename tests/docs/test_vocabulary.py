"""The page of the vocabulary has every field of what it describes, and every value that a field takes."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from bench import api
from bench.diffusion.backbone.terms import Initialiser
from bench.diffusion.training.recipe import OptimiserKind, Reduction, Trained
from bench.diffusion.training.samples import Subsets

PAGE = Path(__file__).parents[2] / "docs" / "recipes.md"
SECTIONS = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^#|\Z)", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE))


MEMBERS = ("ScoringBatch", "Segmentation")
"""Described by what one calls, not by how they are made."""


@pytest.mark.parametrize("name", MEMBERS)
def test_every_member_that_is_told_is_there(name: str) -> None:
    told = re.findall(r"^\| `(\w+)` \| .+ \|$", SECTIONS[name], re.MULTILINE)
    there = {*dir(getattr(api, name)), *(field.name for field in dataclasses.fields(getattr(api, name)))}
    assert told
    assert [member for member in told if member not in there] == []


@pytest.mark.parametrize("name", [name for name in SECTIONS if name not in MEMBERS])
def test_every_field_has_its_row_in_order(name: str) -> None:
    told = re.findall(r"^\| `(\w+)` \| .+ \|$", SECTIONS[name], re.MULTILINE)
    assert told == [field.name for field in dataclasses.fields(getattr(api, name))]


def test_the_fields_that_must_be_given_are_named() -> None:
    told = dict(re.findall(r"`([A-Z]\w+)\(([\w, ]+)\)`", PAGE.read_text(encoding="utf-8")))
    recipes = PAGE.read_text(encoding="utf-8").partition("## Recipes")[2].partition("\n## ")[0]
    required = {
        name: [one.name for one in dataclasses.fields(getattr(api, name)) if _is_required(one)]
        for name in re.findall(r"^### `(\w+)`", recipes, re.MULTILINE)
    }
    assert {name: names.split(", ") for name, names in told.items()} == {k: v for k, v in required.items() if v}


def _is_required(one: dataclasses.Field[Any]) -> bool:
    return one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Recipe", get_args(Initialiser)),
        ("Phase", get_args(Trained)),
        ("SceneSamples", get_args(Subsets)),
        ("AttentionLoss", (*get_args(Reduction), "at_16", "in_up_blocks")),
        ("Optimiser", get_args(OptimiserKind)),
        ("Column", ("higher", "lower")),
    ],
)
def test_every_value_of_a_field_is_named(name: str, values: tuple[str, ...]) -> None:
    assert values
    assert [value for value in values if f"`{value}`" not in SECTIONS[name]] == []
