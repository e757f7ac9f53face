"""The losses that the trainer logs: what they are, when, and that logging them changes nothing that is learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from bench.core.scenes import Scene
from bench.diffusion.training.loss_parts import LossParts
from bench.diffusion.training.objective import Objective
from bench.diffusion.training.recipe import CODE_ADAMW, PAPER_ADAM, AttentionLoss, Phase, Prior, Recipe
from bench.diffusion.training.rows import Rows
from bench.diffusion.training.samples import SceneSamples
from bench.diffusion.training.trainer import begin_together, end_recipe, fit_recipe
from bench.plugins.backbone import Backbone
from bench.plugins.backbone_settings import BackboneSettings, Sampler
from bench.plugins.method import MethodContext, StepLosses

Benches = Callable[..., MethodContext]
MASKED = Recipe((Phase("handles", 3, 0.01),), SceneSamples("uniform", 0.0), PAPER_ADAM, "mean", masked=True)
EVERY_LOSS = replace(
    MASKED,
    phases=(Phase("handles", 2, 5e-3, batch=2), Phase("everything", 3, 1e-4)),
    optimiser=CODE_ADAMW,
    attention=AttentionLoss(0.5, "sum"),
    prior=Prior("a photo at the beach", pictures=3, weight=2.0),
)


@pytest.fixture
def backbone_settings() -> BackboneSettings:
    """Two sampling steps."""
    return BackboneSettings(sampler=Sampler(steps=2, guidance=2.0))


class Kept:
    """Keeps what is logged, as numbers: a phase and its losses a step."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, dict[str, float]]] = []

    def __call__(self, phase: int, losses: StepLosses) -> None:
        self.steps.append((phase, {name: float(loss) for name, loss in losses.items()}))


def logged(recipe: Recipe, scene: Scene, context: MethodContext) -> list[tuple[int, dict[str, float]]]:
    """The losses of a fit."""
    kept = Kept()
    context.backbone.restore()
    fit_recipe(recipe, scene, replace(context, log_losses=kept))
    return kept.steps


def test_the_parts_of_a_step_add_up_to_its_total(scene: Scene, context: Benches) -> None:
    steps = logged(EVERY_LOSS, scene, context())
    assert [phase for phase, _ in steps] == [1, 1, 2, 2, 2]
    for phase, losses in steps:
        weights = {"prior"} if phase == 2 else set()  # handles alone: the prior's text has none
        assert losses.keys() == {"masked diffusion", "attention", "total"} | weights
        parts = [value for name, value in losses.items() if name != "total"]
        assert all(value > 0 for value in parts)
        assert sum(parts) == pytest.approx(losses["total"], rel=1e-5)


def test_a_loss_of_the_whole_picture_has_its_own_name(scene: Scene, context: Benches) -> None:
    ((_, losses), *_) = logged(replace(MASKED, masked=False), scene, context())
    assert losses.keys() == {"diffusion", "total"}
    assert losses["diffusion"] == losses["total"]


def test_logging_changes_no_bit_of_what_is_learned(scene: Scene, backbone: Backbone, context: Benches) -> None:
    plain = fit_recipe(EVERY_LOSS, scene, context())
    backbone.restore()
    told = fit_recipe(EVERY_LOSS, scene, replace(context(), log_losses=Kept()))
    assert plain.keys() == told.keys()
    assert all(torch.equal(plain[name], told[name]) for name in plain)


def test_a_loss_of_ones_own_is_logged_as_the_mean_of_a_steps_samples(scene: Scene, context: Benches) -> None:
    """1, 2 | 3, 4, ...: a phase of two samples a step has the means 1.5 and 3.5; a part that it names is halved."""

    def counting(own: Objective) -> Callable[[], Tensor]:
        count = 0.0

        def loss() -> Tensor:
            nonlocal count
            count += 1
            own.log("half", torch.tensor(count / 2))
            return own() * 0 + count

        return loss

    steps = logged(replace(MASKED, phases=(Phase("handles", 2, 0.01, batch=2, objective=counting),)), scene, context())
    assert [(losses["total"], losses["half"]) for _, losses in steps] == [(1.5, 0.75), (3.5, 1.75)]
    assert all("masked diffusion" in losses for _, losses in steps), "what the recipe's loss logs is there too"


def test_the_losses_of_what_follows_a_step_are_not_the_steps(scene: Scene, context: Benches) -> None:
    def look(own: Objective) -> list[Rows]:
        return [own.draw()]

    steps = logged(replace(MASKED, phases=(Phase("handles", 3, 0.01, after_step=look),)), scene, context())
    assert [set(losses) for _, losses in steps] == [{"masked diffusion", "total"}] * 3


def test_fits_that_are_begun_together_log_what_they_log_alone(
    scene: Scene, backbone: Backbone, context: Benches
) -> None:
    other = replace(scene, name="other", picture=scene.picture[::-1].copy())
    alone = [logged(EVERY_LOSS, one, context()) for one in (scene, other)]
    backbone.restore()
    contexts = [replace(context(), log_losses=Kept()) for _ in alone]
    begun = begin_together([EVERY_LOSS] * 2, [scene, other], contexts)
    for state, one, own in zip(begun, (scene, other), contexts, strict=True):
        assert not isinstance(state, Exception)
        backbone.restore()
        end_recipe(EVERY_LOSS, state, one, own)
    for expected, own in zip(alone, contexts, strict=True):
        assert [phase for phase, _ in own.log_losses.steps] == [1, 1, 2, 2, 2]
        for (_, before), (_, now) in zip(expected, own.log_losses.steps, strict=True):
            assert now == pytest.approx(before, rel=1e-3)


def test_parts_are_taken_once_and_carry_no_gradient() -> None:
    parts = LossParts()
    for value in (1.0, 4.0):
        parts.add("a", torch.tensor(value, requires_grad=True))
    taken = parts.take()
    assert taken["a"].item() == 2.5
    assert not taken["a"].requires_grad
    assert parts.take() == {}
