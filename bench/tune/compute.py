"""The compute of a trial's fits, counted: what `bench tune` tells beside measured seconds."""

from __future__ import annotations

import math

import pandas as pd

from bench.core.scenes import Scene
from bench.diffusion.backbone.checkpoint import locate_configuration
from bench.diffusion.training.memory import BackboneSize, read_size
from bench.diffusion.training.recipe_method import RecipeMethod
from bench.plugins.backbone_settings import Budget
from bench.plugins.spec import configure
from bench.run.session import Session


def with_updates(results: pd.DataFrame, session: Session) -> pd.DataFrame:
    """The results (columns `method`, a spec, and `scene`) of a session's run with the column `updates`."""
    settings = session.backbone_settings
    size = read_size(locate_configuration(session.backbone_spec), settings.resolution)
    budget = settings.budget(session.settings.budget)
    scenes = {scene.name: scene for scene in session.dataset.scenes}
    pairs = zip(results["method"], results["scene"], strict=True)
    return results.assign(updates=[updates(spec, scenes[scene], size, budget) for spec, scene in pairs])


def updates(spec: str, scene: Scene, size: BackboneSize, budget: Budget) -> float:
    """Steps times samples a step times trained numbers (weights and handles) of a fit, added up over its phases.

    NaN for a method that is no recipe.
    """
    method = configure("methods", spec).instance
    if not isinstance(method, RecipeMethod):
        return math.nan
    recipe = method.recipe()
    handles = size.handle * len(recipe.training_scene(scene).concepts)
    return float(
        sum(budget.scaled_steps(one.steps) * one.batch * (size.trained(one) + handles) for one in recipe.phases)
    )
