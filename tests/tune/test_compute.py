"""The compute of a fit, by hand."""

from __future__ import annotations

import math

import pytest

from bench.core.scenes import Scene
from bench.diffusion.training.memory import BackboneSize
from bench.plugins.backbone_settings import Budget
from bench.tune.compute import updates

SIZE = BackboneSize({"unet.attn2.to_k.weight": 10, "unet.conv": 100, "text_encoder.a": 1000}, 7, 4, 4, handle=8)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("ti-m[steps=5]", 5 * 16),
        ("cd-m[steps=5]", 5 * (10 + 16)),
        ("ours[phase1_steps=3,phase2_steps=4]", 3 * 16 + 4 * (1110 + 16)),
        ("ours:background[phase1_steps=3,phase2_steps=0]", 3 * 24),
    ],
)
def test_steps_times_samples_times_what_is_trained(spec: str, expected: float, scene: Scene) -> None:
    """Two concepts, whose handles are 8 numbers each, and a third where the background is learned."""
    assert updates(spec, scene, SIZE, Budget()) == expected


def test_a_budget_has_its_share_of_the_steps(scene: Scene) -> None:
    assert updates("ti-m[steps=10]", scene, SIZE, Budget(steps=0.4)) == 4 * 16


def test_a_method_that_is_no_recipe_has_none(scene: Scene) -> None:
    assert math.isnan(updates("base-model", scene, SIZE, Budget()))
