"""The parts of a recipe refuse words that they do not know, as they are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bench.core.errors import UserError
from bench.diffusion.training.recipe import PAPER_ADAM, AttentionLoss, Optimiser, Phase, Recipe
from bench.diffusion.training.samples import CollectionSamples, SceneSamples

RECIPE = Recipe((), SceneSamples("uniform", 0.0), PAPER_ADAM, "mean", masked=True)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            lambda word: SceneSamples(word, 0.0),
            "SceneSamples(subsets='wrong'): must be 'uniform', 'size-first' or",
        ),
        (
            CollectionSamples,
            "CollectionSamples(subsets='wrong'): must be 'uniform', 'size-first'",
        ),
        (
            lambda word: Phase(word, 1, 1.0),
            "Phase(trains='wrong'): must be 'handles', 'cross-attention', 'cross",
        ),
        (lambda word: AttentionLoss(1.0, word), "AttentionLoss(reduction='wrong'): must be 'mean' or 'sum'"),
        (lambda word: Optimiser(word, (0.9, 0.99), 0.0), "Optimiser(kind='wrong'): must be 'adam' or 'adamw'"),
        (
            lambda word: replace(RECIPE, initialiser=word),
            "Recipe(initialiser='wrong'): must be 'mean' or 'first'",
        ),
    ],
)
def test_an_unknown_word_is_one_line_with_the_known_ones(make: Callable[[Any], object], told: str) -> None:
    with pytest.raises(UserError) as error:
        make("wrong")
    assert str(error.value).startswith(told)
    assert "\n" not in str(error.value)
    for value in (None, 3, ["uniform"]):
        with pytest.raises(UserError):
            make(value)
