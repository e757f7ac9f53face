"""A recipe with a loss of its own, which `bench tune` can tune."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from bench.api import PAPER_ADAM, Objective, Phase, Recipe, RecipeMethod, SceneSamples, Tunable

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Method(RecipeMethod):
    """Handles only, drawn to what the text encoder makes of their class words."""

    tunable: ClassVar[Tunable] = Tunable({"learning_rate": (5e-5, 5e-3), "pull": (1e-3, 1.0)}, ("steps",))

    steps: Annotated[int, "steps on the handles"] = 400
    learning_rate: Annotated[float, "learning rate of the handles"] = 5e-4
    pull: Annotated[float, "weight of the distance from the class words"] = 0.1

    def recipe(self) -> Recipe:
        return Recipe(
            phases=(Phase("handles", self.steps, self.learning_rate, objective=self._begin),),
            samples=SceneSamples("uniform", flip=0.0),
            optimiser=PAPER_ADAM,
            initialiser="mean",
            masked=True,
        )

    def _begin(self, own: Objective) -> "Callable[[], Tensor]":
        """What is called for every sample; `own` gives the recipe's losses, and all that they are computed from."""
        concepts = own.scene.concepts
        words = own.backbone.encode_text([f"a photo of {concept.word}" for concept in concepts]).detach()

        def loss() -> "Tensor":
            handles = own.backbone.encode_text([f"a photo of {concept.handle}" for concept in concepts])
            pull = self.pull * (handles - words).square().mean()
            own.log("pull", pull)
            return own() + pull

        return loss
