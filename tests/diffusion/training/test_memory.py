"""The formula agrees with what was counted tensor by tensor, and reads sizes from configurations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.diffusion.backbone.stable_diffusion import StableDiffusion
from bench.diffusion.training.memory import CUDA_CONTEXT, SD21, peak_memory, read_size
from bench.diffusion.training.recipe import Phase
from bench.plugins.spec import configure

COUNTED = json.loads((Path(__file__).parents[3] / "docs" / "performance.json").read_bytes())["cost"]["costs"]
METHODS = {
    "fit: handles": "ti-m",
    "fit: everything, recorder": "ours",
    "fit: everything, prior": "db-m:prior",
    "fit: everything, recorder, prior, clipped": "ours:code",
}


@pytest.mark.parametrize("record", [one for one in COUNTED if one["memory"] in ("default", "low")], ids=str)
def test_the_formula_is_within_a_tenth_of_what_was_counted(record: dict[str, float | str]) -> None:
    recipe = configure("methods", METHODS[str(record["case"])]).instance.recipe()
    memory = "low" if record["memory"] == "low" else "default"
    assert peak_memory(recipe, SD21, memory) - CUDA_CONTEXT == pytest.approx(record["peak"], rel=0.1)


def test_the_goals_of_memory_hold() -> None:
    recipe = configure("methods", "ours").instance.recipe()
    assert peak_memory(recipe, SD21, "default") <= 22 * 2**30
    assert peak_memory(recipe, SD21, "low") <= 14 * 2**30


def test_a_fit_without_steps_needs_room_for_the_weights_alone() -> None:
    recipe = configure("methods", "ti-m[steps=0]").instance.recipe()
    assert peak_memory(recipe, SD21, "default") == 4 * (sum(SD21.trainable.values()) + SD21.frozen) + CUDA_CONTEXT


def test_sizes_are_read_from_configurations_alone(tiny_pipeline: Path, backbone: StableDiffusion) -> None:
    size = read_size(tiny_pipeline, None)
    assert size.trainable == {name: one.numel() for name, one in backbone.parameters().items()}
    assert size.frozen == sum(one.numel() for one in backbone.vae.parameters())
    assert (size.cells, size.width) == (16 * 16, 16)
    assert read_size(tiny_pipeline, 64).cells == 32 * 32  # the tiny autoencoder halves its pictures
    assert size.trained(Phase("everything", 1, 1.0)) == sum(size.trainable.values())
    assert size.trained(Phase("handles", 1, 1.0)) == 0
    keys = sum(count for name, count in size.trainable.items() if ".attn2.to_k." in name or ".attn2.to_v." in name)
    assert size.trained(Phase("cross-attention", 1, 1.0)) == keys > 0
