"""CLiC: what the paper says, what the official code does, its ablations, and the two stages of drawing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from bench.methods.clic import Method

from bench.core.errors import UserError
from bench.core.scenes import Concept, Scene
from bench.diffusion.backbone.terms import in_up_blocks
from bench.diffusion.clic import two_stage
from bench.diffusion.clic.in_context import CODE, PAPER, InContext
from bench.diffusion.editing.common_region import SharedConcept, shared_regions
from bench.diffusion.sampling.sampler import DrawJob, draw
from bench.diffusion.training.recipe import Optimiser, Recipe
from bench.diffusion.training.samples import SceneSamples, TextTemplate
from bench.diffusion.training.trainer import HANDLES
from bench.plugins.backbone import Backbone, BackboneLimits
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


def shared_scene(scene: Scene) -> Scene:
    """Three pictures of a cat with the same pattern, and of no concept a mask."""
    pictures = (scene.picture, scene.picture[:, ::-1].copy(), scene.picture[::-1].copy())
    concepts = [Concept("cat", np.zeros((32, 32), bool), f"[v{number + 1}]", picture=number) for number in range(3)]
    return Scene("shared", pictures[0], tuple(concepts), scene.prompts[1:], pictures[1:], no_masks=True)


def test_shared_masks_are_found_and_learned_from(
    brief: Backbone, scene: Scene, context: Callable[..., MethodContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fit is the one of the masks that `shared_regions` finds; the records are their IoU with true ones."""
    several, steps, records = shared_scene(scene), [], []
    found = list(shared_regions(brief, SharedConcept(several.pictures, "cat", "full", 0), lambda *_: None))
    brief.restore()
    marked = [replace(one, mask=mask) for one, mask in zip(several.concepts, found, strict=True)]
    expected = Method().fit(replace(several, concepts=tuple(marked), no_masks=False), context())
    brief.restore()
    own = replace(context(on_step=lambda *step: steps.append(step)), record=records.extend)
    state = configure("methods", "clic:shared-mask").instance.fit(several, own)
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name]) for name in state)
    assert steps == [(done, 6) for done in range(1, 7)], "three for the masks, three for the concepts"
    assert [(row["step"], row["concept"]) for row in records] == [(0, 0), (0, 1), (0, 2)]
    assert all(np.isnan(row["iou"]) for row in records)


def test_true_masks_are_for_the_records_alone(
    brief: Backbone, scene: Scene, context: Callable[..., MethodContext]
) -> None:
    records: list[dict[str, float]] = []
    method = Method(masks="shared")
    state = method.fit(scene, replace(context(), record=records.extend))
    assert all(0 <= row["iou"] < 1 for row in records)
    brief.restore()
    bare = replace(scene, concepts=tuple(replace(one, mask=np.zeros((32, 32), bool)) for one in scene.concepts))
    again = method.fit(bare, context())
    assert all(torch.equal(state[name], again[name]) for name in state)


def test_two_concepts_of_one_object_in_a_picture_have_no_mask_of_their_own(scene: Scene) -> None:
    limits = BackboneLimits(32, 16, 24, lambda text: len(text.split()))
    twice = replace(scene, concepts=tuple(replace(one, object="cat") for one in scene.concepts))
    Method().check_scene(twice, limits)
    with pytest.raises(UserError, match="two concepts of one picture are parts of 'cat'") as caught:
        Method(masks="shared").check_scene(twice, limits)
    assert "\n" not in str(caught.value)


def test_one_picture_of_an_object_is_warned_of(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    limits = BackboneLimits(32, 16, 24, lambda text: len(text.split()))
    Method(masks="shared").check_scene(shared_scene(scene), limits)
    assert caplog.text == ""
    Method(masks="shared").check_scene(scene, limits)
    assert "one picture alone shows 'cat'" in caplog.text


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
