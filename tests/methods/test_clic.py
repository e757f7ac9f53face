"""CLiC: what the paper says, what the official code does, its ablations, and the two stages of drawing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from bench.methods.clic import Method

from bench.core.errors import UserError
from bench.core.scenes import Scene
from bench.diffusion.backbone.terms import in_up_blocks
from bench.diffusion.clic import two_stage
from bench.diffusion.clic.in_context import CODE, PAPER, InContext
from bench.diffusion.sampling.sampler import DrawJob, draw
from bench.diffusion.training.recipe import Optimiser, Recipe
from bench.diffusion.training.samples import SceneSamples, TextTemplate
from bench.diffusion.training.trainer import HANDLES
from bench.plugins.backbone import Backbone
from bench.plugins.backbone_settings import BackboneSettings, Budget, Sampler
from bench.plugins.method import MethodContext, Request
from bench.plugins.spec import configure

WORDING = TextTemplate("{tokens}", "{a_object} with {handle} style")


def losses(recipe: Recipe) -> InContext:
    """The losses that the recipe's one phase is trained under."""
    (phase,) = recipe.phases
    assert phase.objective is not None
    method: Method = phase.objective.__self__  # type: ignore[attr-defined]
    return method._losses()


def test_the_default_is_the_paper() -> None:
    recipe = Method().recipe()
    (phase,) = recipe.phases
    assert (phase.trains, phase.steps, phase.learning_rate) == ("cross-attention", 500, 1e-5)
    assert recipe.samples == SceneSamples("uniform", 0.0, single=1.0, text_template=WORDING)
    assert recipe.optimiser == Optimiser("adam", (0.9, 0.999), weight_decay=0.0, clip=None)
    assert (recipe.layers, recipe.detach_bos) == (in_up_blocks, False)
    assert losses(recipe) == InContext(0.5, 1.0, 0.5, 0.5, PAPER)


def test_the_variant_code_is_the_official_code() -> None:
    method = configure("methods", "clic:code")
    recipe = method.instance.recipe()
    (phase,) = recipe.phases
    assert (phase.trains, phase.steps, phase.learning_rate) == ("cross-attention-all", 500, 1e-5)
    assert recipe.samples == SceneSamples("uniform", 0.5, single=1.0, brightness=0.5, text_template=WORDING, soft=True)
    assert recipe.optimiser == Optimiser("adamw", (0.9, 0.999), weight_decay=0.1, clip=1.0)
    assert recipe.detach_bos
    assert losses(recipe) == InContext(0.25, 0.5, 0.25, 0.25, CODE)
    assert method.configuration["alpha"] == 0.25, "the recorded configuration says what was done"


@pytest.mark.parametrize(
    ("variant", "change"),
    [
        ("no-attention-loss", {"attention_weight": 0.0}),
        ("no-roi-loss", {"roi_weight": 0.0}),
        ("no-context-loss", {"context_weight": 0.0}),
    ],
)
def test_each_ablation_drops_one_loss(variant: str, change: dict[str, float]) -> None:
    ablated = configure("methods", f"clic:{variant}").instance.recipe()
    assert losses(ablated) == replace(losses(Method().recipe()), **change)
    assert (ablated.layers is None) == (variant == "no-attention-loss")


@pytest.mark.parametrize("fields", [{"alpha": 1.5}, {"roi_weight": -1.0}, {"first_steps": 50}, {"variant": "papr"}])
def test_an_impossible_value_is_one_line(fields: dict[str, object]) -> None:
    with pytest.raises(UserError, match=f"^{next(iter(fields))}=") as caught:
        Method(**fields)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.fixture
def backbone_settings() -> BackboneSettings:
    """A budget of three steps, and ten sampling steps."""
    budget = Budget(steps=0.006, weights_learning_rate=1000.0)
    return BackboneSettings(sampler=Sampler(10, 2.0), budgets={"full": budget})


@pytest.fixture
def brief(backbone: Backbone) -> Backbone:
    """The tiny backbone with that budget, the same as in every context."""
    return backbone


@pytest.mark.parametrize(
    ("variant", "pieces"), [("paper", {"to_k", "to_v"}), ("code", {"to_q", "to_k", "to_v", "to_out"})]
)
def test_what_is_trained(
    variant: str, pieces: set[str], brief: Backbone, scene: Scene, context: Callable[..., MethodContext]
) -> None:
    state = configure("methods", f"clic[variant={variant}]").instance.fit(scene, context())
    weights = {name for name in state if name != HANDLES}
    assert all(".attn2." in name for name in weights)
    assert {name.split(".attn2.")[1].split(".")[0] for name in weights} == pieces
    assert state[HANDLES].shape == (2, 32)


def requests(scene: Scene) -> list[Request]:
    return [Request(prompt, 5 + number) for number, prompt in enumerate(scene.prompts)]


def test_with_all_steps_in_the_first_stage_the_base_model_draws_the_objects(
    brief: Backbone, scene: Scene, context: Callable[..., MethodContext]
) -> None:
    """Of 49 of 50 steps the tiny sampler's ten are all: nothing that was learned is seen."""
    whole = replace(scene, concepts=tuple(replace(one, object="cat") for one in scene.concepts))
    method = Method(first_steps=49)
    state = method.fit(whole, context())
    brief.restore()
    drawn = list(method.generate(state, whole, requests(whole), context()))
    brief.restore()
    texts = ("a photo of a cat and a cat at the beach", "a photo of a cat in the snow")
    orders = [DrawJob(text, request.noise_seed) for text, request in zip(texts, requests(whole), strict=True)]
    for picture, plain in zip(drawn, draw(brief, orders, 4), strict=True):
        assert abs(picture.astype(int) - plain.astype(int)).max() <= 1


def test_without_a_first_stage_it_draws_what_any_recipe_draws(
    brief: Backbone, scene: Scene, context: Callable[..., MethodContext]
) -> None:
    method = Method(first_steps=0)
    state = method.fit(scene, context())
    brief.restore()
    drawn = list(method.generate(state, scene, requests(scene), context()))
    brief.restore()
    usual = list(super(Method, method).generate(state, scene, requests(scene), context()))
    for picture, other in zip(drawn, usual, strict=True):
        assert abs(picture.astype(int) - other.astype(int)).max() <= 1


def test_a_tenth_of_the_steps_comes_first(
    brief: Backbone, scene: Scene, context: Callable[..., MethodContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The paper's 5 of 50 are 1 of 10."""
    seen: list[int] = []

    def begun(_backbone: Backbone, orders: list[DrawJob], steps: int, _batch: int) -> list[torch.Tensor]:
        seen.append(steps)
        return [torch.zeros(1, 4, 16, 16)] * len(orders)

    method = Method()
    state = method.fit(scene, context())
    brief.restore()
    monkeypatch.setattr(two_stage, "begin", begun)
    pictures = list(method.generate(state, scene, requests(scene), context()))
    assert seen == [1]
    assert not np.array_equal(*pictures)
