"""TI-m: Textual Inversion on the masked collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from bench.diffusion.recipe import Optimiser, Phase, Recipe
from bench.diffusion.recipe_method import RecipeMethod
from bench.diffusion.samples import CollectionSamples


@dataclass(frozen=True)
class Method(RecipeMethod):
    """Textual Inversion (Gal et al. 2022) adapted to one picture with masks (Break-A-Scene, 4.1, Figure 6).

    Only the handles are trained, on random subsets of the concepts put on random solid backgrounds and
    flipped half of the time, without a mask in the loss. Learning rate and optimiser are those of `ours`
    (B.1: "the corresponding learning rate and optimized parameters"). No paper gives the number of steps:
    800, as many as `ours` takes in its two phases. No official code of it was released.
    """

    summary: ClassVar[str] = "Textual Inversion on the masked collection: handles only"
    source: ClassVar[str] = "Gal et al. 2022; Break-A-Scene, section 4.1, Figure 6, B.1"

    steps: Annotated[int, "steps on the handles", Field(ge=0)] = 800
    learning_rate: Annotated[float, "learning rate of the handles", Field(gt=0, le=1)] = 5e-4

    def recipe(self) -> Recipe:
        """One phase on the handles, with the standard diffusion loss."""
        return Recipe(
            phases=(Phase("handles", self.steps, self.learning_rate),),
            samples=CollectionSamples(),
            optimiser=Optimiser("adam", betas=(0.9, 0.99), weight_decay=1e-8),
            initialiser="mean",
            masked=False,
        )
