"""The compute of a fit, by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from bench.core.scenes import Scene
from bench.diffusion.training.memory import BackboneSize
from bench.plugins.backbone_settings import Budget
from bench.tune.compute import Compute

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
    assert Compute(SIZE, Budget(), {"s": scene}).updates(spec, "s") == expected


def test_a_budget_has_its_share_of_the_steps(scene: Scene) -> None:
    assert Compute(SIZE, Budget(steps=0.4), {"s": scene}).updates("ti-m[steps=10]", "s") == 4 * 16


def test_a_method_that_is_no_recipe_has_none(scene: Scene) -> None:
    rows = pd.DataFrame({"method": ["base-model", "ti-m[steps=1]"], "scene": "s"})
    found = Compute(SIZE, Budget(), {"s": scene}).with_updates(rows)["updates"]
    assert math.isnan(found[0])
    assert found[1] == 16
