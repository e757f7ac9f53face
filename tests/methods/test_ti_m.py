"""TI-m: handles alone, on the masked collection, without a mask in the loss."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bench.methods.ti_m import Method

from bench.diffusion.backbone import Backbone
from bench.diffusion.recipe import Optimiser, Phase
from bench.diffusion.samples import CollectionSamples
from bench.diffusion.settings import BackboneSettings, Budget, Sampler
from bench.errors import UserError
from bench.method import Request, Workbench
from bench.scenes import Scene


def test_it_is_the_papers_textual_inversion_on_the_collection() -> None:
    recipe = Method().recipe()
    assert recipe.phases == (Phase("handles", 800, 5e-4),)
    assert recipe.samples == CollectionSamples("uniform", flip=0.5)
    assert recipe.optimiser == Optimiser("adam", (0.9, 0.99), weight_decay=1e-8, clip=None)
    assert (recipe.masked, recipe.attention, recipe.prior) == (False, None, None)


def test_it_learns_handles_only_and_draws(
    scene: Scene, backbone: Backbone, workbench: Callable[..., Workbench]
) -> None:
    backbone.settings = BackboneSettings(sampler=Sampler(steps=2, guidance=2.0), budgets={"full": Budget(steps=0.005)})
    state = Method().fit(scene, workbench())
    assert {name: tuple(value.shape) for name, value in state.items()} == {"handles": (2, 32)}
    backbone.restore()
    (picture,) = Method().generate(state, scene, [Request(scene.prompts[0], 3)], workbench())
    assert picture.shape == scene.picture.shape


def test_an_impossible_value_is_one_line() -> None:
    with pytest.raises(UserError, match=r"^steps=-1: "):
        Method(steps=-1)
