"""Training any recipe: what changes, what stays, and that losses fall."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.diffusion.attention import at_16, recording
from bench.diffusion.backbone import Backbone, BackboneSpec, load_backbone
from bench.diffusion.device import resolve
from bench.diffusion.encode import Encoder
from bench.diffusion.handles import add_handles
from bench.diffusion.objective import Objective, Randomness
from bench.diffusion.prior import prior_pictures
from bench.diffusion.recipe import AttentionLoss, Optimiser, Phase, Prior, Recipe
from bench.diffusion.recipe_method import put_back
from bench.diffusion.samples import CollectionSamples, SceneSamples
from bench.diffusion.settings import BackboneSettings, Budget, Sampler
from bench.diffusion.trainer import HANDLES, fit_recipe
from bench.errors import UserError
from bench.method import Workbench
from bench.scenes import Scene

Benches = Callable[..., Workbench]
ADAM = Optimiser("adam", betas=(0.9, 0.99), weight_decay=1e-8)
HANDLES_ONLY = Recipe((Phase("handles", 3, 0.01),), SceneSamples("uniform", 0.0), ADAM, "mean", masked=True)
EVERYTHING = replace(HANDLES_ONLY, phases=(Phase("handles", 2, 0.01), Phase("everything", 2, 1e-3)))
ATTENTION = AttentionLoss(100.0, "mean")
PRIOR = Prior("a photo at the beach", pictures=3, weight=100.0)


@pytest.fixture(autouse=True)
def _quick_sampler(backbone: Backbone) -> None:
    backbone.settings = BackboneSettings(sampler=Sampler(steps=2, guidance=2.0))


def mean_loss(backbone: Backbone, recipe: Recipe, scene: Scene, state: Mapping[str, Tensor] | None) -> float:
    """The recipe's loss over 12 random steps, before (no state) or after a fit."""
    backbone.restore()
    count = 0 if recipe.prior is None else recipe.prior.pictures
    prior = prior_pictures(backbone, PRIOR.text, count, 4) if count else ()
    if state is not None:
        put_back(backbone, scene, state, recipe)
        ids = torch.tensor(backbone.tokenizer.convert_tokens_to_ids(["[v1]", "[v2]"]))
    else:
        ids = add_handles(backbone.tokenizer, backbone.text_encoder, scene.concepts, recipe.initialiser)
    with torch.no_grad(), recording(backbone.unet, 16, at_16) as recorder:
        random = Randomness.seeded(123)
        wanted = recorder if recipe.attention else None
        objective = Objective(recipe, scene, backbone, Encoder(backbone), random, ids, prior, wanted)
        return float(np.mean([_emptied(recorder.maps, float(objective())) for _ in range(12)]))


def _emptied(maps: list[Tensor], value: float) -> float:
    maps.clear()
    return value


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(EVERYTHING, id="masked diffusion loss"),
        pytest.param(replace(EVERYTHING, samples=CollectionSamples(), masked=False), id="diffusion loss"),
        pytest.param(replace(EVERYTHING, attention=ATTENTION), id="cross-attention loss"),
        pytest.param(replace(EVERYTHING, prior=PRIOR), id="prior preservation loss"),
    ],
)
def test_training_lowers_the_loss(recipe: Recipe, scene: Scene, backbone: Backbone, workbench: Benches) -> None:
    recipe = replace(recipe, phases=(Phase("handles", 5, 0.01), Phase("everything", 30, 2e-3)))
    before = mean_loss(backbone, recipe, scene, None)
    backbone.restore()
    state = fit_recipe(recipe, scene, workbench())
    assert mean_loss(backbone, recipe, scene, state) < 0.95 * before


def test_the_handles_alone_lower_the_cross_attention_loss(scene: Scene, backbone: Backbone, workbench: Benches) -> None:
    recipe = replace(HANDLES_ONLY, phases=(Phase("handles", 25, 0.05),), attention=ATTENTION)
    before = mean_loss(backbone, recipe, scene, None)
    backbone.restore()
    assert mean_loss(backbone, recipe, scene, fit_recipe(recipe, scene, workbench())) < before


def test_handles_are_the_only_rows_and_weights_that_phase_1_changes(
    scene: Scene, backbone: Backbone, workbench: Benches
) -> None:
    pristine = {name: value.detach().clone() for name, value in backbone.parameters().items()}
    state = fit_recipe(replace(HANDLES_ONLY, attention=ATTENTION), scene, workbench())
    assert list(state) == [HANDLES]
    for name, value in backbone.parameters().items():
        assert torch.equal(value[: len(pristine[name])], pristine[name]), name
    backbone.restore()
    ids = add_handles(backbone.tokenizer, backbone.text_encoder, scene.concepts, "mean")
    initial = backbone.text_encoder.get_input_embeddings().weight[ids]
    assert (state[HANDLES] != initial).any(dim=1).all()


def test_phase_2_trains_unet_and_text_encoder(scene: Scene, backbone: Backbone, workbench: Benches) -> None:
    pristine = {name: value.detach().clone() for name, value in backbone.parameters().items()}
    state = fit_recipe(EVERYTHING, scene, workbench())
    assert state.keys() == {HANDLES, *pristine}
    changed = {name for name, value in pristine.items() if not torch.equal(state[name][: len(value)], value)}
    assert {name.split(".")[0] for name in changed} == {"unet", "text_encoder"}
    assert len(changed) > 0.9 * len(pristine)
    assert {value.dtype for value in state.values()} == {torch.float32}


def test_the_same_seed_gives_the_same_bits_and_another_does_not(
    scene: Scene, backbone: Backbone, workbench: Benches
) -> None:
    recipe = replace(EVERYTHING, attention=ATTENTION, prior=PRIOR)
    states = []
    for seed in (5, 5, 6):
        backbone.restore()
        torch.rand(3), np.random.rand(3)  # noqa: NPY002 - the global generators must not matter
        states.append(fit_recipe(recipe, scene, workbench(seed)))
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(states[0][HANDLES], states[2][HANDLES])


def test_no_global_random_state_is_touched(scene: Scene, workbench: Benches) -> None:
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    expected = torch.rand(3), np.random.rand(3)  # noqa: NPY002
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    fit_recipe(EVERYTHING, scene, workbench())
    assert torch.equal(torch.rand(3), expected[0])
    np.testing.assert_array_equal(np.random.rand(3), expected[1])  # noqa: NPY002


def test_a_phase_may_have_no_steps(scene: Scene, backbone: Backbone, workbench: Benches) -> None:
    no_first = replace(EVERYTHING, phases=(Phase("handles", 0, 0.01), Phase("everything", 1, 1e-3)))
    assert len(fit_recipe(no_first, scene, workbench())) > 1
    backbone.restore()
    nothing = replace(EVERYTHING, phases=(Phase("handles", 0, 0.01), Phase("everything", 0, 1e-3)))
    assert list(fit_recipe(nothing, scene, workbench())) == [HANDLES]


def test_the_backbones_budget_scales_steps_and_prior_pictures(
    scene: Scene, backbone: Backbone, workbench: Benches, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []
    monkeypatch.setattr(
        "bench.diffusion.trainer.prior_pictures",
        lambda backbone, text, count, size: counts.append(count) or prior_pictures(backbone, text, count, size),
    )
    backbone.settings = replace(backbone.settings, budgets={"full": Budget(steps=0.5, prior_pictures=2 / 3)})
    steps: list[tuple[int, int]] = []
    recipe = replace(EVERYTHING, phases=(Phase("handles", 4, 0.01), Phase("everything", 2, 1e-3)), prior=PRIOR)
    fit_recipe(recipe, scene, workbench(on_step=lambda done, total: steps.append((done, total))))
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert counts == [2]


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_the_target_is_noise_or_velocity(
    prediction_type: str, scene: Scene, tiny_pipeline: Path, tiny_velocity_pipeline: Path
) -> None:
    """A UNet that answers with what the latents and noise make of it has no loss."""
    path = tiny_pipeline if prediction_type == "epsilon" else tiny_velocity_pipeline
    backbone = load_backbone(BackboneSpec(str(path)), resolve("cpu", "fp32"))
    ids = add_handles(backbone.tokenizer, backbone.text_encoder, scene.concepts, "mean")
    latents = Encoder(backbone).sample(scene.picture, torch.Generator().manual_seed(0))
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    alphas = torch.cumprod(1 - betas, dim=0)
    objective = Objective(
        HANDLES_ONLY, scene, backbone, Encoder(backbone), Randomness.seeded(0), ids, prior=(), recorder=None
    )
    seen: list[tuple[Tensor, Tensor]] = []
    backbone.unet.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[:2]))
    _, target = objective._denoise(latents, ["a photo of [v1]"])
    noisy, time = seen[0]
    a = alphas[time]
    noise = (noisy - a.sqrt() * latents) / (1 - a).sqrt()
    expected = noise if prediction_type == "epsilon" else a.sqrt() * noise - (1 - a).sqrt() * latents
    torch.testing.assert_close(target, expected, rtol=1e-3, atol=1e-3)


@pytest.fixture
def _all_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sample shows all concepts."""
    monkeypatch.setattr("bench.diffusion.samples.choose_subset", lambda count, subsets, rng: tuple(range(count)))


@pytest.mark.usefixtures("_all_chosen")
def test_the_attention_loss_is_averaged_or_summed_over_the_chosen_concepts(scene: Scene, backbone: Backbone) -> None:
    averaged = mean_loss(backbone, replace(HANDLES_ONLY, attention=AttentionLoss(1e6, "mean")), scene, None)
    summed = mean_loss(backbone, replace(HANDLES_ONLY, attention=AttentionLoss(1e6, "sum")), scene, None)
    assert summed / averaged == pytest.approx(2, rel=1e-3)


def test_a_training_that_diverges_is_no_result(scene: Scene, workbench: Benches) -> None:
    wild = replace(EVERYTHING, phases=(Phase("everything", 6, 1e30),))
    with pytest.raises(FloatingPointError, match="diverged"):
        fit_recipe(wild, scene, workbench())


@pytest.mark.usefixtures("_all_chosen")
def test_a_text_longer_than_the_backbone_reads_is_one_line(scene: Scene, workbench: Benches) -> None:
    many = tuple(replace(scene.concepts[0], handle=f"[v{index}]") for index in range(1, 16))
    recipe = replace(HANDLES_ONLY, phases=(Phase("handles", 1, 0.01),), attention=ATTENTION)
    with pytest.raises(UserError, match="longer than the 24 tokens"):
        fit_recipe(recipe, replace(scene, concepts=many), workbench())


def test_a_scene_of_another_size_is_brought_to_the_backbones(scene: Scene, workbench: Benches) -> None:
    large = replace(
        scene,
        picture=scene.picture.repeat(3, axis=0).repeat(3, axis=1),
        concepts=tuple(replace(c, mask=c.mask.repeat(3, axis=0).repeat(3, axis=1)) for c in scene.concepts),
    )
    assert torch.isfinite(fit_recipe(HANDLES_ONLY, large, workbench())[HANDLES]).all()
