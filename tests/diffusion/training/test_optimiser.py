"""Fits that save memory learn what others learn, and steps in the backward pass never hold all gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.core.device import Memory, resolve
from bench.core.scenes import Scene
from bench.diffusion.backbone.attention import recording
from bench.diffusion.backbone.checkpoint import BackboneSpec
from bench.diffusion.backbone.loading import load_backbone
from bench.diffusion.backbone.stable_diffusion import StableDiffusion
from bench.diffusion.backbone.terms import at_16
from bench.diffusion.training.objective import Objective
from bench.diffusion.training.optimiser import HostMomentsAdam, make_optimiser, stepping_in_backward
from bench.diffusion.training.recipe import CODE_ADAMW, PAPER_ADAM, AttentionLoss, Phase, Recipe
from bench.diffusion.training.samples import SceneSamples
from bench.diffusion.training.trainer import fit_recipe
from bench.plugins.method import MethodContext

STEPS = 20


@pytest.fixture(scope="module")
def backbones(tiny_pipeline: Path) -> dict[Memory, StableDiffusion]:
    """The tiny backbone, loaded for each use of memory."""
    modes: tuple[Memory, ...] = ("default", "low")
    spec = BackboneSpec(str(tiny_pipeline))
    return {memory: load_backbone(spec, resolve("cpu", "fp32", memory)) for memory in modes}


def trained(backbone: StableDiffusion, recipe: Recipe, scene: Scene) -> tuple[list[float], dict[str, Tensor]]:
    """The loss of every sample and what was learned."""
    losses: list[float] = []

    def watched(own: Objective) -> Callable[[], Tensor]:
        def loss() -> Tensor:
            total = own()
            losses.append(float(total.detach()))
            return total

        return loss

    phases = tuple(replace(phase, objective=watched) for phase in recipe.phases)
    backbone.restore()
    context = MethodContext(backbone, 3, batch_size=4, budget="full", on_step=lambda done, total: None)
    return losses, fit_recipe(replace(recipe, phases=phases), scene, context)


def recipe_of(*phases: Phase, clipped: bool = False) -> Recipe:
    return Recipe(
        phases=phases,
        samples=SceneSamples("uniform", flip=0.5),
        optimiser=CODE_ADAMW if clipped else PAPER_ADAM,
        initialiser="mean",
        masked=True,
        attention=AttentionLoss(0.01, "mean"),
    )


EVERYTHING = Phase("everything", STEPS, 1e-3, handle_learning_rate=1e-2)
RECIPES = {
    "in the backward pass": recipe_of(EVERYTHING),
    "clipped": recipe_of(EVERYTHING, clipped=True),
    "accumulated": recipe_of(replace(EVERYTHING, steps=STEPS // 2, batch=2)),
    "two phases": recipe_of(Phase("handles", STEPS // 2, 1e-2), replace(EVERYTHING, steps=STEPS // 2)),
}


@pytest.mark.parametrize("name", list(RECIPES))
def test_low_memory_changes_no_loss(name: str, backbones: dict[Memory, StableDiffusion], scene: Scene) -> None:
    losses, learned = trained(backbones["default"], RECIPES[name], scene)
    other_losses, other_learned = trained(backbones["low"], RECIPES[name], scene)
    assert len(losses) == STEPS
    assert losses[-1] != pytest.approx(losses[0], rel=1e-3)  # the fit is under way
    assert other_losses == pytest.approx(losses, rel=1e-6, abs=1e-6)
    assert other_learned.keys() == learned.keys()
    for weight, tensor in learned.items():
        torch.testing.assert_close(other_learned[weight], tensor, rtol=1e-4, atol=1e-5)


def test_no_two_gradients_exist_at_once() -> None:
    network = nn.Sequential(*(nn.Linear(4, 4, bias=False) for _ in range(3)))
    parameters = list(network.parameters())
    seen: list[int] = []

    def step(parameter: nn.Parameter) -> None:
        assert parameter.grad is not None
        seen.append(sum(one.grad is not None for one in parameters))

    with stepping_in_backward(parameters, step):
        network(torch.ones(2, 4)).sum().backward()
    assert seen == [1, 1, 1]
    assert all(one.grad is None for one in parameters)
    network(torch.ones(2, 4)).sum().backward()
    assert all(one.grad is not None for one in parameters)  # it acts in its block alone


def test_moments_leave_the_device_between_steps() -> None:
    """The device `meta` stands for the host."""
    parameter = nn.Parameter(torch.ones(3))
    optimiser = make_optimiser([parameter], PAPER_ADAM, 1e-2, "low")
    assert isinstance(optimiser, HostMomentsAdam)
    parameter.grad = torch.ones(3)
    optimiser.step()
    assert parameter.detach().tolist() == pytest.approx([0.99] * 3)  # Adam's first step is the learning rate
    optimiser.host = torch.device("meta")
    optimiser.step()
    (state,) = (one.state[parameter] for one in optimiser.optimisers.values())
    assert {name: state[name].device.type for name in state} == {"step": "cpu", "exp_avg": "meta", "exp_avg_sq": "meta"}


def test_computing_a_layer_again_records_no_map_again(backbones: dict[Memory, StableDiffusion]) -> None:
    backbone = backbones["low"]
    backbone.restore()
    unet = backbone.unet.requires_grad_()
    with recording(unet, backbone.latent_shape[-1], at_16) as recorder:
        states = torch.ones(1, 24, 32)
        predicted = unet(torch.ones(1, *backbone.latent_shape), torch.tensor([5]), states).sample
        maps = len(recorder.maps)
        (predicted.sum() + recorder.maps[0].square().sum()).backward()
    assert 0 < maps == len(recorder.maps) == len(set(recorder.layers))
    backbone.restore()


def test_a_scaler_leaves_out_the_step_of_all_where_one_gradient_overflowed() -> None:
    sound, overflown = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    # Any: the scaler uses what both kinds of optimisers have.
    optimiser: Any = make_optimiser([sound, overflown], PAPER_ADAM, 1e-2, "low")
    for factor, moved in ((float("inf"), 0.0), (3.0, -0.01)):
        scaler.scale((2 * sound).sum() + (factor * overflown).sum()).backward()
        scaler.step(optimiser)
        scaler.update()
        optimiser.zero_grad()
        assert (sound.detach() - 1).tolist() == pytest.approx([moved] * 2, abs=1e-6)
        assert (overflown.detach() - 1).tolist() == pytest.approx([moved] * 2, abs=1e-6)
