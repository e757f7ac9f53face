"""`fit` and `generate` of every method that is a recipe. Imports no torch until one of them is called."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, get_type_hints

from bench.core.scenes import ImageArray, Scene
from bench.core.validation import validated
from bench.diffusion.sampling.sampler import DrawJob, draw
from bench.diffusion.training.recipe import Recipe
from bench.diffusion.training.scene_check import check_scene
from bench.plugins.backbone import Backbone, BackboneLimits
from bench.plugins.method import FidelityNote, MethodContext, Request

if TYPE_CHECKING:
    from bench.plugins.method import FitState

BY_VARIANT: Any = None
"""The default of a field whose value differs between paper and official code; see `RecipeMethod.by_variant`."""


class RecipeMethod(ABC):
    """A method that is a recipe: `fit` executes it, `generate` loads what was learned and draws.

    A subclass is a frozen dataclass. Where the paper and the official code differ, its field's default is
    `BY_VARIANT` and `by_variant` has the value for each value of its field `variant`; so the recorded
    configuration has the actual values. `ledger` has a row for every point where the sources are silent or
    contradict each other. A field value that does not fit its annotation raises `UserError`.
    """

    by_variant: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    ledger: ClassVar[tuple[FidelityNote, ...]] = ()

    def __post_init__(self) -> None:
        for name, value in self.by_variant.get(getattr(self, "variant", ""), {}).items():
            if getattr(self, name) is BY_VARIANT:
                object.__setattr__(self, name, value)
        hints = get_type_hints(type(self), include_extras=True)
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            validated(f"{field.name}={value}", hints[field.name], value)

    @abstractmethod
    def recipe(self) -> Recipe:
        """The recipe of the configured method."""

    def check_configuration(self) -> None:
        """Build the recipe; raises `TypeError` if `recipe` returns something else, and whatever building it raises."""
        recipe: object = self.recipe()
        if not isinstance(recipe, Recipe):
            raise TypeError(f"recipe() must return a Recipe, not {type(recipe).__name__}")

    def check_scene(self, scene: Scene, limits: BackboneLimits) -> None:
        """Raise `UserError` if the recipe cannot be trained on the scene, as `check_scene` of the training says."""
        check_scene(self.recipe(), scene, limits)

    @property
    def generates_prior(self) -> bool:
        """Whether a fit draws prior-preservation pictures."""
        return self.recipe().prior is not None

    @property
    def prior_text(self) -> str | None:
        """The text of the prior-preservation pictures; None without prior preservation."""
        prior = self.recipe().prior
        return prior.text if prior is not None else None

    def training_scene(self, scene: Scene) -> Scene:
        """The scene with all concepts that a fit learns; raises `UserError` as `Recipe.training_scene`."""
        return self.recipe().training_scene(scene)

    def fit(self, scene: Scene, context: MethodContext) -> FitState:
        """Train the recipe on the scene; returns what was learned, as `fit_recipe` says."""
        from bench.diffusion.training.trainer import fit_recipe  # noqa: PLC0415 - torch is slow to import

        return fit_recipe(self.recipe(), scene, context)

    @property
    def fits_together(self) -> bool:
        """Whether the recipe begins with steps that train several scenes together.

        A class whose own `fit` replaces that of the class where `end_fit` is from is fitted scene by scene.
        """
        if self._is_nearer("fit", "begin_fits") or self._is_nearer("fit", "end_fit"):
            return False
        recipe = self.recipe()
        return any(phase.steps for phase in recipe.phases[: recipe.shared_phases])

    def _is_nearer(self, verb: str, other: str) -> bool:
        """Whether a verb is defined by a class that comes before the one that defines another verb."""
        classes = type(self).__mro__
        verbs, others = (next(i for i, one in enumerate(classes) if name in vars(one)) for name in (verb, other))
        return verbs < others

    def begin_fits(self, scenes: Sequence[Scene], contexts: Sequence[MethodContext]) -> Sequence[FitState | Exception]:
        """Train what the scenes' fits share as one batch, as `begin_together` says."""
        from bench.diffusion.training.trainer import begin_together  # noqa: PLC0415 - torch is slow to import

        return begin_together([self.recipe() for _ in scenes], scenes, contexts)

    def end_fit(self, begun: FitState, scene: Scene, context: MethodContext) -> FitState:
        """Train the phases that scenes do not share, as `end_recipe` says."""
        from bench.diffusion.training.trainer import end_recipe  # noqa: PLC0415 - torch is slow to import

        return end_recipe(self.recipe(), begun, scene, context)

    def load_state(self, state: FitState, scene: Scene, backbone: Backbone) -> None:
        """Load a fit's handles and weights into a restored backbone."""
        from bench.diffusion.training.trainer import load_state  # noqa: PLC0415 - torch is slow to import

        load_state(backbone, scene, state, self.recipe())

    def generate(
        self, state: FitState, scene: Scene, requests: Sequence[Request], context: MethodContext
    ) -> Iterator[ImageArray]:
        """Draw the requested pictures with what was learned, in order, uint8 [H, W, 3]."""
        self.load_state(state, scene, context.backbone)
        text_template = self.recipe().samples.text_template
        jobs = [DrawJob(text_template.prompt_text(scene, request.prompt), request.noise_seed) for request in requests]
        yield from draw(context.backbone, jobs, context.batch_size)
