"""The compute of a trial's fits, counted: what `bench tune` tells beside measured seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from bench.core.scenes import Scene
from bench.diffusion.backbone.checkpoint import locate_configuration
from bench.diffusion.training.memory import BackboneSize, read_size
from bench.diffusion.training.recipe_method import RecipeMethod
from bench.plugins.backbone_settings import Budget
from bench.plugins.spec import configure
from bench.run.session import Session


@dataclass(frozen=True)
class Compute:
    """Counts the compute of fits on a backbone under its budget, on known scenes."""

    size: BackboneSize
    budget: Budget
    scenes: Mapping[str, Scene]

    @classmethod
    def of(cls, session: Session) -> Compute:
        """That of a run."""
        settings = session.backbone_settings
        return cls(
            read_size(locate_configuration(session.backbone_spec), settings.resolution),
            settings.budget(session.settings.budget),
            {scene.name: scene for scene in session.dataset.scenes},
        )

    def with_updates(self, results: pd.DataFrame) -> pd.DataFrame:
        """The results, with columns `method` (a spec) and `scene`, with the column `updates`."""
        pairs = zip(results["method"], results["scene"], strict=True)
        return results.assign(updates=[self.updates(spec, scene) for spec, scene in pairs])

    def updates(self, spec: str, scene: str) -> float:
        """Steps times samples a step times trained numbers (weights and handles) of a fit, added up over its phases.

        NaN for a method that is no recipe.
        """
        method = configure("methods", spec).instance
        if not isinstance(method, RecipeMethod):
            return math.nan
        recipe = method.recipe()
        handles = self.size.handle * len(recipe.training_scene(self.scenes[scene]).concepts)
        trained = [(self.size.trained(phase) + handles) * phase.batch for phase in recipe.phases]
        steps = [self.budget.scaled_steps(phase.steps) for phase in recipe.phases]
        return float(sum(one * count for one, count in zip(trained, steps, strict=True)))
