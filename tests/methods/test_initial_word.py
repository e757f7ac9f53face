"""Every method that learns handles can start all of them from one word."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench.core.scenes import Scene
from bench.diffusion.backbone.handles import embedding
from bench.diffusion.training.recipe_method import RecipeMethod
from bench.diffusion.training.trainer import HANDLES
from bench.plugins.backbone import Backbone
from bench.plugins.discovery import discover
from bench.plugins.method import MethodContext
from bench.plugins.spec import configure

RECIPES = [name for name, found in discover("methods").found.items() if issubclass(found.role, RecipeMethod)]


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_takes_the_word(name: str) -> None:
    assert configure("methods", name).instance.recipe().initial_word is None
    assert configure("methods", f"{name}[initial_word=toy]").instance.recipe().initial_word == "toy"


def test_handles_start_from_the_word_or_from_their_class_words(
    scene: Scene, backbone: Backbone, context: Callable[..., MethodContext]
) -> None:
    untrained = "ours[phase1_steps=0,phase2_steps=0"
    cat = backbone.tokenizer("cat", add_special_tokens=False).input_ids
    row = embedding(backbone.text_encoder).detach()[cat].clone()
    common = configure("methods", f"{untrained},initial_word=cat]").instance.fit(scene, context())[HANDLES]
    assert torch.equal(common, row.expand_as(common))
    backbone.restore()
    own = configure("methods", f"{untrained}]").instance.fit(scene, context())[HANDLES]
    assert not torch.equal(own[0], own[1])
