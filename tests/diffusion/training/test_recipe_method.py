"""Fit and generate as the engine calls them, through a saved file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pytest
from pydantic import Field
from safetensors.torch import load_file, save_file

from bench.core.errors import UserError
from bench.core.scenes import ImageArray, Scene
from bench.diffusion.training.recipe import Optimiser, Phase, Recipe
from bench.diffusion.training.recipe_method import BY_VARIANT, RecipeMethod
from bench.diffusion.training.samples import SceneSamples, TextTemplate
from bench.plugins.backbone_settings import BackboneSettings, Sampler
from bench.plugins.method import MethodContext, Request


@dataclass(frozen=True)
class Method(RecipeMethod):
    """Two phases."""

    steps: Annotated[int, "steps of each phase", Field(ge=0)] = 2

    def recipe(self) -> Recipe:
        return Recipe(
            phases=(Phase("handles", self.steps, 0.05), Phase("everything", self.steps, 1e-3)),
            samples=SceneSamples("uniform", 0.0),
            optimiser=Optimiser("adam", (0.9, 0.99), 1e-8),
            initialiser="mean",
            masked=True,
        )


@pytest.fixture
def backbone_settings() -> BackboneSettings:
    """Three sampling steps."""
    return BackboneSettings(sampler=Sampler(steps=3, guidance=2.0))


@pytest.fixture
def bench(context: Callable[..., MethodContext]) -> MethodContext:
    return context()


def _requests(scene: Scene) -> Sequence[Request]:
    return [Request(prompt, seed) for seed, prompt in enumerate(scene.prompts)]


def _draw(state: dict[str, object], scene: Scene, bench: MethodContext) -> list[ImageArray]:
    bench.backbone.restore()
    return list(Method().generate(state, scene, _requests(scene), bench))  # type: ignore[arg-type]


def test_what_was_saved_draws_the_same_pictures(scene: Scene, bench: MethodContext, tmp_path: Path) -> None:
    state = dict(Method().fit(scene, bench))
    path = tmp_path / "fit.safetensors"
    save_file(state, path)
    first, again = _draw(state, scene, bench), _draw(load_file(path), scene, bench)
    np.testing.assert_array_equal(first, again)
    assert [picture.shape for picture in first] == [(32, 32, 3)] * 2


def test_what_was_learned_puts_the_backbone_back_to_where_the_fit_left_it(scene: Scene, bench: MethodContext) -> None:
    """Text and UNet answer as right after the fit, whose backbone still holds the trained weights."""
    backbone = bench.backbone
    state = Method().fit(scene, bench)
    trained = {name: value.detach().clone() for name, value in backbone.parameters().items()}
    backbone.restore()
    next(iter(Method().generate(state, scene, _requests(scene), bench)))
    embedding = "text_encoder.embeddings.token_embedding.weight"
    handles = backbone.tokenizer.convert_tokens_to_ids(["[v1]", "[v2]"])
    for name, value in backbone.parameters().items():
        same = (value == trained[name]).flatten(1).all(1) if name == embedding else (value == trained[name]).all()
        if name == embedding:
            np.testing.assert_array_equal(value[handles].detach(), state["handles"])
            same[handles] = True
        assert same.all(), name


def test_learning_changes_the_pictures(scene: Scene, bench: MethodContext) -> None:
    learned = dict(Method().fit(scene, bench))
    bench.backbone.restore()
    untaught = dict(Method(steps=0).fit(scene, bench))
    assert not np.array_equal(_draw(learned, scene, bench), _draw(untaught, scene, bench))


@dataclass(frozen=True)
class Both(Method):
    """Paper and code differ in the steps."""

    by_variant: ClassVar[Mapping[str, Mapping[str, Any]]] = {"paper": {"passes": 3}, "code": {"passes": 7}}

    variant: Annotated[Literal["paper", "code"], "which"] = "paper"
    passes: Annotated[int, "steps of a phase", Field(ge=0)] = BY_VARIANT


def test_what_paper_and_code_differ_in_follows_the_variant_unless_it_is_set() -> None:
    assert (Both().passes, Both(variant="code").passes, Both(variant="code", passes=0).passes) == (3, 7, 0)
    assert Both(variant="code", passes=3) != Both()
    with pytest.raises(UserError, match=r"^variant=neither: "):
        Both(variant="neither")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"^passes=-1: "):
        Both(passes=-1)


@dataclass(frozen=True)
class Styled(Method):
    """Speaks of styles, and learns the background."""

    def recipe(self) -> Recipe:
        text_template = TextTemplate("{tokens}", "{label} in {handle}")
        return replace(
            super().recipe(), samples=SceneSamples("uniform", 0.0, text_template=text_template), background=True
        )


def test_pictures_are_drawn_with_the_methods_own_words_and_every_handle_it_learned(
    scene: Scene, bench: MethodContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = Styled().fit(scene, bench)
    bench.backbone.restore()
    texts: list[str] = []
    monkeypatch.setattr(
        "bench.diffusion.training.recipe_method.draw",
        lambda _backbone, jobs, _size: iter(texts.extend(o.text for o in jobs) or ()),
    )
    list(Styled().generate(state, scene, _requests(scene), bench))
    assert texts == [
        "a photo of cat in [v1] and umbrella in [v2] at the beach",
        "a photo of umbrella in [v2] in the snow",
    ]
    ids = bench.backbone.tokenizer.convert_tokens_to_ids(["[v1]", "[v2]", "[v3]"])
    np.testing.assert_array_equal(bench.backbone.text_encoder.get_input_embeddings().weight[ids], state["handles"])


def test_a_scene_of_one_concept(scene: Scene, bench: MethodContext) -> None:
    alone = replace(scene, concepts=scene.concepts[:1], prompts=(replace(scene.prompts[0], subset=(0,)),))
    state = dict(Method().fit(alone, bench))
    assert len(_draw(state, alone, bench)) == 1


@pytest.mark.parametrize("value", [-1, "many", None])
def test_a_value_that_the_annotation_does_not_admit_is_one_line(value: object) -> None:
    with pytest.raises(UserError, match=r"^steps=") as caught:
        Method(steps=value)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
