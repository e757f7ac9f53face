"""The two verbs of every method that is a recipe."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, get_type_hints

import pydantic
import torch

from bench.diffusion.backbone import Backbone
from bench.diffusion.handles import add_handles, set_rows
from bench.diffusion.recipe import Recipe
from bench.diffusion.sampler import Order, draw
from bench.diffusion.trainer import HANDLES, fit_recipe
from bench.errors import UserError
from bench.method import Request, Workbench
from bench.scenes import Picture, Scene

if TYPE_CHECKING:
    from bench.method import FitState


class RecipeMethod(ABC):
    """A method that is a recipe: `fit` walks it, `generate` puts what was learned back and draws.

    A subclass is a frozen dataclass; `UserError` is raised for a field value that its annotation does not
    admit.
    """

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self), include_extras=True)
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            _validate(field.name, hints[field.name], getattr(self, field.name))

    @abstractmethod
    def recipe(self) -> Recipe:
        """What to train, on what, under which losses."""

    def fit(self, scene: Scene, workbench: Workbench) -> FitState:
        """Train the recipe on the scene; returns what was learned, as `fit_recipe` says."""
        return fit_recipe(self.recipe(), scene, workbench)

    def generate(
        self, state: FitState, scene: Scene, requests: Sequence[Request], workbench: Workbench
    ) -> Iterator[Picture]:
        """Draw the requested pictures with what was learned, in order, uint8 [H, W, 3]."""
        put_back(workbench.backbone, scene, state, self.recipe())
        orders = [Order(scene.text_with_handles(request.prompt), request.noise_seed) for request in requests]
        yield from draw(workbench.backbone, orders, workbench.batch_size)


@torch.no_grad()
def put_back(backbone: Backbone, scene: Scene, state: FitState, recipe: Recipe) -> None:
    """Bring a pristine backbone to the state that a fit left."""
    ids = add_handles(backbone.tokenizer, backbone.text_encoder, scene.concepts, recipe.initialiser)
    parameters = backbone.parameters()
    for name, tensor in state.items():
        if name != HANDLES:
            parameters[name].copy_(tensor)
    set_rows(backbone.text_encoder, ids, state[HANDLES])


def _validate(name: str, hint: Any, value: object) -> None:
    try:
        pydantic.TypeAdapter(hint).validate_python(value)
    except pydantic.ValidationError as error:
        raise UserError(f"{name}={value}: {error.errors()[0]['msg'].lower()}") from None
