"""What is said of a source before anything is fitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn

import pytest

from bench.edit.engine import edit
from bench.edit.generation import generate
from bench.edit.options import EditOptions, EditPaths, GenerateOptions
from bench.plugins.method import MethodContext
from bench.run.options import BackboneOptions

Made = Callable[..., EditPaths]


class FitBeginsError(Exception):
    """Fitting would begin."""


@pytest.mark.parametrize(("labels", "told"), [("cat\numbrella", ""), ("cat\ngnu zyx", "class words gnu, zyx")])
@pytest.mark.parametrize("verb", ["edit", "generate"])
def test_class_words_that_the_backbone_does_not_know(
    verb: str,
    labels: str,
    told: str,
    source: Path,
    options: EditOptions,
    setup: BackboneOptions,
    places: Made,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fit(*_: object) -> NoReturn:
        raise FitBeginsError

    monkeypatch.setattr("bench.edit.engine.load_fit", fit)
    monkeypatch.setattr("bench.edit.generation.load_fit", fit)
    (source / "labels.txt").write_text(labels)
    texts = GenerateOptions("ours", source, ("[v1]",), samples=1, batch_size=1)
    begin = partial(edit, options) if verb == "edit" else partial(generate, texts)
    with pytest.raises(FitBeginsError):
        begin(setup, places())
    said = capsys.readouterr().err
    assert (f"The backbone does not know the {told}: " in said) if told else ("does not know" not in said)


def test_the_seed_reaches_what_is_the_same_for_all_fits_of_a_run(
    source: Path, setup: BackboneOptions, places: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def fit(_self: object, _scene: object, context: MethodContext) -> NoReturn:
        seen.append(context.run_seed)
        raise FitBeginsError

    monkeypatch.setattr("bench.diffusion.training.recipe_method.RecipeMethod.fit", fit)
    with pytest.raises(FitBeginsError):
        generate(
            GenerateOptions("ours:code", source, ("[v1]",), samples=1, batch_size=1), replace(setup, seed=5), places()
        )
    assert seen == [5], "as the seed of prior pictures in bench run"
