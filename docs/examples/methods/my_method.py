from dataclasses import dataclass
from typing import Annotated

from bench.api import Optimiser, Phase, Recipe, RecipeMethod, SceneSamples


@dataclass(frozen=True)
class Method(RecipeMethod):
    """Handles only, on the scene itself, under the masked loss."""

    steps: Annotated[int, "steps on the handles"] = 400

    def recipe(self) -> Recipe:
        return Recipe(
            phases=(Phase("handles", self.steps, learning_rate=5e-4),),
            samples=SceneSamples("uniform", flip=0.0),
            optimiser=Optimiser("adam", betas=(0.9, 0.99), weight_decay=1e-8),
            initialiser="mean",
            masked=True,
        )
