"""Break-A-Scene: what the paper says, what the official code does, and the paper's ablations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from bench.methods.ours import Method

from bench.diffusion.backbone import Backbone
from bench.diffusion.recipe import AttentionLoss, Optimiser, Phase, Prior
from bench.diffusion.samples import SceneSamples
from bench.diffusion.settings import BackboneSettings, Budget, Sampler
from bench.errors import UserError
from bench.method import Request, Workbench
from bench.scenes import Scene
from bench.spec import configure

PHASES = (Phase("handles", 400, 5e-4), Phase("everything", 400, 2e-6))


def test_the_default_is_the_paper() -> None:
    recipe = Method().recipe()
    assert recipe.phases == PHASES
    assert recipe.samples == SceneSamples("uniform", flip=0.0)
    assert recipe.optimiser == Optimiser("adam", (0.9, 0.99), weight_decay=1e-8, clip=None)
    assert (recipe.initialiser, recipe.masked, recipe.prior) == ("mean", True, None)
    assert recipe.attention == AttentionLoss(0.01, "mean")


def test_the_variant_code_is_the_official_code() -> None:
    recipe = Method(variant="code").recipe()
    assert recipe.phases == PHASES
    assert recipe.samples == SceneSamples("size-first", flip=0.5)
    assert recipe.optimiser == Optimiser("adamw", (0.9, 0.999), weight_decay=1e-2, clip=1.0)
    assert (recipe.initialiser, recipe.masked) == ("first", True)
    assert recipe.attention == AttentionLoss(0.01, "sum")
    assert recipe.prior == Prior("a photo at the beach", pictures=100, weight=1.0)


def test_each_ablation_changes_one_thing() -> None:
    paper = Method().recipe()
    recipes = {name: Method(**fields).recipe() for name, fields in Method.variants.items()}
    assert recipes["no-phase-1"] == replace(paper, phases=(Phase("handles", 0, 5e-4), PHASES[1]))
    assert recipes["no-masked-loss"] == replace(paper, masked=False)
    assert recipes["no-attention-loss"] == replace(paper, attention=None)
    assert recipes["no-union-sampling"] == replace(paper, samples=SceneSamples("single", flip=0.0))


def test_an_ablation_of_the_code_keeps_its_flips() -> None:
    assert Method(variant="code", union_sampling=False).recipe().samples == SceneSamples("single", flip=0.5)


@pytest.mark.parametrize(
    "fields",
    [
        {"variant": "papr"},
        {"phase1_steps": -1},
        {"phase2_steps": 1.5},
        {"phase1_learning_rate": 0.0},
        {"phase2_learning_rate": float("nan")},
        {"attention_weight": -0.1},
    ],
)
def test_an_impossible_value_is_one_line(fields: dict[str, object]) -> None:
    with pytest.raises(UserError, match=f"^{next(iter(fields))}=") as caught:
        Method(**fields)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("variant", [None, *Method.variants])
def test_every_variant_fits_and_draws(
    variant: str | None, scene: Scene, backbone: Backbone, workbench: Callable[..., Workbench]
) -> None:
    backbone.settings = BackboneSettings(
        sampler=Sampler(steps=2, guidance=2.0), budgets={"full": Budget(steps=0.005, prior_pictures=0.02)}
    )
    method = configure("methods", f"ours:{variant}" if variant else "ours").instance
    state = method.fit(scene, workbench())
    backbone.restore()
    (picture,) = method.generate(state, scene, [Request(scene.prompts[0], 3)], workbench())
    assert picture.shape == scene.picture.shape
    assert picture.dtype == np.uint8
