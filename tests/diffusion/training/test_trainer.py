"""Training any recipe: what changes, what stays, and that losses fall."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.core.device import resolve
from bench.core.errors import NotFiniteError
from bench.core.scenes import Scene
from bench.diffusion.backbone.attention import recording
from bench.diffusion.backbone.checkpoint import BackboneSpec
from bench.diffusion.backbone.encode import Encoder
from bench.diffusion.backbone.handles import add_handles
from bench.diffusion.backbone.loading import load_backbone
from bench.diffusion.backbone.terms import at_16
from bench.diffusion.training.objective import Objective, Randomness
from bench.diffusion.training.prior import PriorImages
from bench.diffusion.training.recipe import AttentionLoss, Optimiser, Phase, Prior, Recipe, Trained
from bench.diffusion.training.samples import CollectionSamples, SceneSamples
from bench.diffusion.training.step import Step
from bench.diffusion.training.trainer import HANDLES, fit_recipe, load_state, trains
from bench.diffusion.training.trainer import _prior as prior_of
from bench.diffusion.training.update import Update
from bench.plugins.backbone import Backbone
from bench.plugins.backbone_settings import BackboneSettings, Budget, Sampler
from bench.plugins.method import MethodContext

Benches = Callable[..., MethodContext]
ADAM = Optimiser("adam", betas=(0.9, 0.99), weight_decay=1e-8)
HANDLES_ONLY = Recipe((Phase("handles", 3, 0.01),), SceneSamples("uniform", 0.0), ADAM, "mean", masked=True)
EVERYTHING = replace(HANDLES_ONLY, phases=(Phase("handles", 2, 0.01), Phase("everything", 2, 1e-3)))
ATTENTION = AttentionLoss(100.0, "mean")
PRIOR = Prior("a photo at the beach", pictures=3, weight=100.0)


QUICK = BackboneSettings(sampler=Sampler(steps=2, guidance=2.0))


@pytest.fixture
def backbone_settings() -> BackboneSettings:
    """Two sampling steps."""
    return QUICK


def make_objective(context: MethodContext, recipe: Recipe, scene: Scene, ids: Tensor, seed: int = 123) -> Objective:
    """The recipe's objective without a recorder, on a backbone that knows the handles `ids`."""
    backbone, prior = context.backbone, {}
    if recipe.prior is not None:
        prior = {PRIOR.text: PriorImages(backbone, PRIOR.text, recipe.prior.pictures, 0).pictures(lambda: None)}
    return Objective(recipe, scene, context, Encoder(backbone), Randomness.seeded(seed), ids, prior, recorder=None)


def mean_loss(context: MethodContext, recipe: Recipe, scene: Scene, state: Mapping[str, Tensor] | None) -> float:
    """The recipe's loss over 12 random steps, before (no state) or after a fit."""
    backbone = context.backbone
    backbone.restore()
    if state is not None:
        load_state(backbone, scene, state, recipe)
        ids = torch.tensor(backbone.tokenizer.convert_tokens_to_ids(["[v1]", "[v2]"]))
    else:
        ids = add_handles(backbone.tokenizer, backbone.text_encoder, scene.concepts, recipe.initialiser)
    with torch.no_grad(), recording(backbone.unet, 16, at_16) as recorder:
        objective = replace(make_objective(context, recipe, scene, ids), recorder=recorder)
        return float(np.mean([float(objective()) for _ in range(12)]))


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(EVERYTHING, id="masked diffusion loss"),
        pytest.param(replace(EVERYTHING, samples=CollectionSamples(), masked=False), id="diffusion loss"),
        pytest.param(replace(EVERYTHING, attention=ATTENTION), id="cross-attention loss"),
        pytest.param(replace(EVERYTHING, prior=PRIOR), id="prior preservation loss"),
    ],
)
def test_training_lowers_the_loss(recipe: Recipe, scene: Scene, backbone: Backbone, context: Benches) -> None:
    recipe = replace(recipe, phases=(Phase("handles", 5, 0.01), Phase("everything", 30, 2e-3)))
    before = mean_loss(context(), recipe, scene, None)
    backbone.restore()
    state = fit_recipe(recipe, scene, context())
    assert mean_loss(context(), recipe, scene, state) < 0.95 * before


def test_the_handles_alone_lower_the_cross_attention_loss(scene: Scene, backbone: Backbone, context: Benches) -> None:
    recipe = replace(HANDLES_ONLY, phases=(Phase("handles", 25, 0.05),), attention=ATTENTION)
    before = mean_loss(context(), recipe, scene, None)
    backbone.restore()
    assert mean_loss(context(), recipe, scene, fit_recipe(recipe, scene, context())) < before


def test_handles_are_the_only_rows_and_weights_that_phase_1_changes(
    scene: Scene, backbone: Backbone, context: Benches
) -> None:
    original = {name: value.detach().clone() for name, value in backbone.parameters().items()}
    state = fit_recipe(replace(HANDLES_ONLY, attention=ATTENTION), scene, context())
    assert list(state) == [HANDLES]
    for name, value in backbone.parameters().items():
        assert torch.equal(value[: len(original[name])], original[name]), name
    backbone.restore()
    ids = add_handles(backbone.tokenizer, backbone.text_encoder, scene.concepts, "mean")
    initial = backbone.text_encoder.get_input_embeddings().weight[ids]
    assert (state[HANDLES] != initial).any(dim=1).all()


def test_what_follows_a_step_sees_the_updated_handles_once_an_update(
    scene: Scene, backbone: Backbone, context: Benches
) -> None:
    seen: list[Tensor] = []

    def look(own: Objective) -> tuple[()]:
        seen.append(own.backbone.encode_text(["a photo of [v1]"]).clone())
        return ()

    steps = Phase("handles", 3, 0.05, batch=2, after_step=look)
    state = fit_recipe(replace(HANDLES_ONLY, phases=(steps,)), scene, context())
    assert len(seen) == 3
    assert not torch.equal(seen[0], seen[1])
    backbone.restore()
    load_state(backbone, scene, state, HANDLES_ONLY)
    with torch.no_grad():
        torch.testing.assert_close(seen[-1], backbone.encode_text(["a photo of [v1]"]))


def test_phase_2_trains_unet_and_text_encoder(scene: Scene, backbone: Backbone, context: Benches) -> None:
    original = {name: value.detach().clone() for name, value in backbone.parameters().items()}
    state = fit_recipe(EVERYTHING, scene, context())
    changed = state.keys() - {HANDLES}
    assert {name.split(".")[0] for name in changed} == {"unet", "text_encoder"}
    assert len(changed) > 0.9 * len(original)
    for name in changed:
        assert state[name].shape == original[name].shape, "the handles' rows are not among the matrix's"
        assert not torch.equal(state[name], original[name]), "what did not change is not kept"
    assert {value.dtype for value in state.values()} == {torch.float32}


def test_the_same_seed_gives_the_same_bits_and_another_does_not(
    scene: Scene, backbone: Backbone, context: Benches
) -> None:
    recipe = replace(EVERYTHING, attention=ATTENTION, prior=PRIOR)
    states = []
    for seed in (5, 5, 6):
        backbone.restore()
        torch.rand(3), np.random.rand(3)  # noqa: NPY002 - the global generators must not matter
        states.append(fit_recipe(recipe, scene, context(seed)))
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(states[0][HANDLES], states[2][HANDLES])


def test_no_global_random_state_is_touched(scene: Scene, context: Benches) -> None:
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    expected = torch.rand(3), np.random.rand(3)  # noqa: NPY002
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    fit_recipe(EVERYTHING, scene, context())
    assert torch.equal(torch.rand(3), expected[0])
    np.testing.assert_array_equal(np.random.rand(3), expected[1])  # noqa: NPY002


def test_a_phase_may_have_no_steps(scene: Scene, backbone: Backbone, context: Benches) -> None:
    no_first = replace(EVERYTHING, phases=(Phase("handles", 0, 0.01), Phase("everything", 1, 1e-3)))
    assert len(fit_recipe(no_first, scene, context())) > 1
    backbone.restore()
    nothing = replace(EVERYTHING, phases=(Phase("handles", 0, 0.01), Phase("everything", 0, 1e-3)))
    assert list(fit_recipe(nothing, scene, context())) == [HANDLES]


def test_the_backbones_budget_scales_steps_and_prior_pictures(
    scene: Scene, backbone_with: Callable[[BackboneSettings], Backbone]
) -> None:
    backbone = backbone_with(replace(QUICK, budgets={"full": Budget(steps=0.5, prior_pictures=2 / 3)}))
    steps: list[tuple[int, int]] = []
    context = MethodContext(backbone, 0, 4, "full", lambda done, total: steps.append((done, total)))
    recipe = replace(EVERYTHING, phases=(Phase("handles", 4, 0.01), Phase("everything", 2, 1e-3)))
    recipe = replace(recipe, prior=Prior("drawn by this test alone", pictures=3, weight=1.0))
    (series,) = prior_of(recipe, scene, context)
    assert series.count == 2
    fit_recipe(recipe, scene, context)
    # two pictures are drawn as a batch of four, then there are 2 + 1 steps
    assert steps == [(done, 7) for done in range(1, 8)]


PROJECTIONS = {"to_q.weight", "to_k.weight", "to_v.weight", "to_out.0.weight", "to_out.0.bias"}


@pytest.mark.parametrize(
    ("trains", "pieces"),
    [
        ("handles", set()),
        ("cross-attention", {"to_k.weight", "to_v.weight"}),
        ("cross-attention-all", PROJECTIONS),
    ],
)
def test_what_moves_is_what_the_phase_trains(
    trains: Trained, pieces: set[str], scene: Scene, backbone: Backbone, context: Benches
) -> None:
    state = fit_recipe(replace(HANDLES_ONLY, phases=(Phase(trains, 3, 1e-3),)), scene, context())
    layers = [name.removesuffix(".processor") for name in backbone.unet.attn_processors if ".attn2." in name]
    expected = {f"unet.{layer}.{piece}" for layer in layers for piece in pieces}
    assert state.keys() == {HANDLES, *expected}
    for name, value in backbone.parameters().items():
        before = backbone.original(name)
        assert torch.equal(value[: len(before)], before) == (name not in expected), name


def test_every_weight_has_its_own_place_in_the_sets() -> None:
    names = ["unet.a.attn1.to_k.weight", "unet.a.attn2.to_k.weight", "unet.a.attn2.to_q.weight", "text_encoder.x"]
    moved = {
        kind: [trains(Phase(kind, 1, 1.0), name) for name in names]
        for kind in ("handles", "cross-attention", "cross-attention-all", "everything")
    }
    assert moved == {
        "handles": [False, False, False, False],
        "cross-attention": [False, True, False, False],
        "cross-attention-all": [False, True, True, False],
        "everything": [True, True, True, True],
    }


def test_handles_may_have_a_learning_rate_of_their_own(scene: Scene, backbone: Backbone, context: Benches) -> None:
    """Adam's first step is the learning rate wherever there is a gradient, up to epsilon."""
    adam = Optimiser("adam", (0.9, 0.999), 0.0)
    recipe = replace(HANDLES_ONLY, phases=(Phase("cross-attention", 1, 1e-4, 1e-2),), optimiser=adam)
    state = fit_recipe(recipe, scene, context())
    backbone.restore()
    ids = add_handles(backbone.tokenizer, backbone.text_encoder, scene.concepts, "mean")
    start = backbone.text_encoder.get_input_embeddings().weight[ids]
    assert (state[HANDLES] - start).abs().max().item() == pytest.approx(1e-2, rel=0.05)
    moved = max((state[name] - backbone.original(name)).abs().max().item() for name in state if name != HANDLES)
    assert moved == pytest.approx(1e-4, rel=0.05)


def test_a_batch_averages_the_gradients_of_its_samples(scene: Scene, backbone: Backbone, context: Benches) -> None:
    drawn: list[tuple[Tensor, Tensor]] = []

    def spy(objective: Objective) -> Callable[[], Tensor]:
        def loss() -> Tensor:
            value = objective()
            (gradient,) = torch.autograd.grad(value, handles_of(objective), retain_graph=True)
            drawn.append((value.detach(), gradient))
            return value

        return loss

    def handles_of(objective: Objective) -> Tensor:
        (hook,) = objective.backbone.text_encoder.get_input_embeddings()._forward_hooks.values()
        return next(cell.cell_contents for cell in hook.__closure__ if isinstance(cell.cell_contents, Tensor))

    steps: list[Tensor] = []
    gather = Update.step

    def step(self: Update) -> None:
        steps.append(self._parameters()[0].grad.clone())
        gather(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Update, "step", step)
        phase = Phase("handles", 2, 0.01, batch=3, objective=spy)
        fit_recipe(replace(HANDLES_ONLY, phases=(phase,)), scene, context())
    assert len(drawn) == 6
    for number, gradient in enumerate(steps):
        expected = sum(part for _, part in drawn[3 * number : 3 * number + 3]) / 3
        torch.testing.assert_close(gradient, expected)


def test_a_phase_may_bring_its_own_loss_and_state(scene: Scene, context: Benches) -> None:
    """It is made once, as its phase begins, from the recipe's own, and called for every sample."""
    made: list[Objective] = []
    called: list[int] = []

    def own(objective: Objective) -> Callable[[], Tensor]:
        made.append(objective)

        def loss() -> Tensor:
            called.append(len(made))
            return objective() * 2

        return loss

    phases = (Phase("handles", 2, 0.01, objective=own), Phase("handles", 3, 0.01), Phase("handles", 1, 0.01, batch=2))
    fit_recipe(replace(HANDLES_ONLY, phases=phases), scene, context())
    assert called == [1, 1]
    assert len(made) == 1


def test_the_background_is_one_more_concept(scene: Scene, backbone: Backbone, context: Benches) -> None:
    state = fit_recipe(replace(HANDLES_ONLY, background=True), scene, context())
    assert state[HANDLES].shape[0] == 3
    assert backbone.tokenizer.convert_tokens_to_ids("[v3]") == len(backbone.tokenizer) - 1


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_the_target_is_noise_or_velocity(
    prediction_type: str, scene: Scene, tiny_pipeline: Path, tiny_velocity_pipeline: Path
) -> None:
    """A UNet that answers with what the latents and noise make of it has no loss."""
    path = tiny_pipeline if prediction_type == "epsilon" else tiny_velocity_pipeline
    backbone = load_backbone(BackboneSpec(str(path)), resolve("cpu", "fp32"))
    add_handles(backbone.tokenizer, backbone.text_encoder, scene.concepts, "mean")
    latents = Encoder(backbone).sample(scene.picture, torch.Generator().manual_seed(0))
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    alphas = torch.cumprod(1 - betas, dim=0)
    seen: list[tuple[Tensor, Tensor]] = []
    backbone.unet.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[:2]))
    _, target = Step.drawn(backbone, latents, torch.Generator().manual_seed(0)).denoised("a photo of [v1]")
    noisy, time = seen[0]
    a = alphas[time]
    noise = (noisy - a.sqrt() * latents) / (1 - a).sqrt()
    expected = noise if prediction_type == "epsilon" else a.sqrt() * noise - (1 - a).sqrt() * latents
    torch.testing.assert_close(target, expected, rtol=1e-3, atol=1e-3)


@pytest.fixture
def _all_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sample shows all concepts."""
    monkeypatch.setattr("bench.diffusion.training.samples._any_subset", lambda count, subsets, rng: tuple(range(count)))


@pytest.mark.usefixtures("_all_chosen")
def test_the_attention_loss_is_averaged_or_summed_over_the_chosen_concepts(scene: Scene, context: Benches) -> None:
    averaged = mean_loss(context(), replace(HANDLES_ONLY, attention=AttentionLoss(1e6, "mean")), scene, None)
    summed = mean_loss(context(), replace(HANDLES_ONLY, attention=AttentionLoss(1e6, "sum")), scene, None)
    assert summed / averaged == pytest.approx(2, rel=1e-3)


def test_a_training_that_diverges_is_no_result(scene: Scene, context: Benches) -> None:
    wild = replace(EVERYTHING, phases=(Phase("everything", 6, 1e30),))
    with pytest.raises(NotFiniteError, match="diverged"):
        fit_recipe(wild, scene, context())


def test_a_scene_of_another_size_is_brought_to_the_backbones(scene: Scene, context: Benches) -> None:
    large = replace(
        scene,
        picture=scene.picture.repeat(3, axis=0).repeat(3, axis=1),
        concepts=tuple(replace(c, mask=c.mask.repeat(3, axis=0).repeat(3, axis=1)) for c in scene.concepts),
    )
    assert torch.isfinite(fit_recipe(HANDLES_ONLY, large, context())[HANDLES]).all()
