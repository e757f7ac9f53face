"""A step's samples as rows of one batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from bench.core.scenes import Scene
from bench.diffusion.training.objective import Objective
from bench.diffusion.training.recipe import PAPER_ADAM, AttentionLoss, Phase, Recipe
from bench.diffusion.training.samples import SceneSamples
from bench.diffusion.training.step import Step
from bench.diffusion.training.trainer import HANDLES, fit_recipe
from bench.plugins.backbone import Backbone
from bench.plugins.method import MethodContext

Benches = Callable[..., MethodContext]
HANDLES_ONLY = Recipe((), SceneSamples("uniform", 0.0), PAPER_ADAM, "mean", masked=True)
ATTENTION = AttentionLoss(100.0, "mean")


def _in_turn(own: Objective) -> Callable[[], Tensor]:
    """A loss of the phase's own, which the trainer cannot take apart."""

    def loss() -> Tensor:
        return own() * 1.0

    return loss


def test_a_batch_of_the_recipes_losses_is_one_pass(
    scene: Scene, backbone: Backbone, context: Benches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It learns what the same samples in turn teach."""
    passes: list[int] = []
    denoised = Step.denoised
    monkeypatch.setattr(Step, "denoised", lambda step, *texts: passes.append(len(texts)) or denoised(step, *texts))

    def fitted(objective: Callable[[Objective], Callable[[], Tensor]] | None) -> Tensor:
        backbone.restore()
        passes.clear()
        phases = (Phase("handles", 3, 0.01, batch=4, objective=objective),)
        return fit_recipe(replace(HANDLES_ONLY, phases=phases, attention=ATTENTION), scene, context())[HANDLES]

    together = fitted(None)
    assert passes == [4] * 3
    in_turn = fitted(_in_turn)
    assert passes == [1] * 12
    torch.testing.assert_close(together, in_turn, rtol=1e-5, atol=1e-5)
