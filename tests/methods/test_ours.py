"""Break-A-Scene: what the paper says, what the official code does, and the paper's ablations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from bench.methods.ours import Method

from bench.core.errors import UserError
from bench.core.scenes import Scene
from bench.diffusion.training.recipe import AttentionLoss, Optimiser, Phase, Prior
from bench.diffusion.training.samples import SceneSamples
from bench.plugins.backbone_settings import BackboneSettings, Budget
from bench.plugins.method import MethodContext
from bench.plugins.spec import configure

PHASES = (Phase("handles", 400, 5e-4), Phase("everything", 400, 2e-6))


def test_the_default_is_the_paper() -> None:
    recipe = Method().recipe()
    assert recipe.phases == PHASES
    assert recipe.samples == SceneSamples("uniform", flip=0.0)
    assert recipe.optimiser == Optimiser("adam", (0.9, 0.99), weight_decay=1e-8, clip=None)
    assert (recipe.initialiser, recipe.masked, recipe.prior) == ("mean", True, None)
    assert recipe.attention == AttentionLoss(0.01, "mean")
    assert (recipe.given_masks, recipe.background, recipe.detach_bos) == (True, False, False)


def test_the_variant_code_is_the_official_code() -> None:
    recipe = Method(variant="code").recipe()
    assert recipe.phases == PHASES
    assert recipe.samples == SceneSamples("size-first", flip=0.5, soft=True)
    assert recipe.optimiser == Optimiser("adamw", (0.9, 0.999), weight_decay=1e-2, clip=1.0)
    assert (recipe.initialiser, recipe.masked) == ("first", True)
    assert recipe.attention == AttentionLoss(0.01, "sum")
    assert recipe.prior == Prior("a photo at the beach", pictures=100, weight=1.0)


def test_each_ablation_changes_one_thing() -> None:
    paper = Method().recipe()
    recipes = {name: Method(**fields).recipe() for name, fields in Method.variants.items()}
    del recipes["code"]
    assert recipes == {
        "no-phase-1": replace(paper, phases=(Phase("handles", 0, 5e-4), PHASES[1])),
        "no-masked-loss": replace(paper, masked=False),
        "no-attention-loss": replace(paper, attention=None),
        "no-union": replace(paper, samples=SceneSamples("uniform", 0.0, single=1.0)),
        "single-p": replace(paper, samples=SceneSamples("uniform", 0.0, single=0.8)),
        "background": replace(paper, background=True),
        "cross-attention-only": replace(paper, phases=(PHASES[0], Phase("cross-attention", 400, 2e-6))),
    }


def test_what_the_code_does_otherwise_can_be_had_alone() -> None:
    assert Method(variant="code", single=1.0).recipe().samples == SceneSamples("size-first", 0.5, single=1.0, soft=True)
    assert Method(flip=0.5).recipe() == replace(Method().recipe(), samples=SceneSamples("uniform", 0.5))
    assert Method(variant="code", prior_weight=0.0).recipe() == replace(Method(variant="code").recipe(), prior=None)


@pytest.mark.parametrize(
    "fields",
    [
        {"variant": "papr"},
        {"phase1_steps": -1},
        {"phase2_steps": 1.5},
        {"phase1_learning_rate": 0.0},
        {"phase2_learning_rate": float("nan")},
        {"attention_weight": -0.1},
        {"single": 1.5},
    ],
)
def test_an_impossible_value_is_one_line(fields: dict[str, object]) -> None:
    with pytest.raises(UserError, match=f"^{next(iter(fields))}=") as caught:
        Method(**fields)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.fixture
def backbone_settings() -> BackboneSettings:
    """A budget of two steps a phase."""
    return BackboneSettings(budgets={"full": Budget(steps=0.005)})


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("ours:no-phase-1", {"unet", "text_encoder"}),
        ("ours:cross-attention-only", {"attn2"}),
        ("ours:background", None),
    ],
)
def test_what_a_variant_learns(
    name: str, weights: set[str] | None, scene: Scene, context: Callable[..., MethodContext]
) -> None:
    state = configure("methods", name).instance.fit(scene, context())
    assert len(state["handles"]) == (3 if name == "ours:background" else 2)
    changed = state.keys() - {"handles"}
    if weights == {"attn2"}:
        assert all(".attn2.to_k." in one or ".attn2.to_v." in one for one in changed)
    elif weights is not None:
        assert {one.split(".")[0] for one in changed} == weights
