"""A method that is not a recipe: both verbs by itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from bench.api import FitState, ImageArray, MethodContext, Request, Scene


@dataclass(frozen=True)
class Method:
    """Paints the mean colour of the scene, with the prompt's own noise on it."""

    summary: ClassVar[str] = "the mean colour of the scene, with noise"
    source: ClassVar[str] = "docs/api.md"

    noise: Annotated[float, "standard deviation of the noise, in grey levels"] = 20.0

    def fit(self, scene: Scene, context: MethodContext) -> FitState:
        import torch  # noqa: PLC0415 - here, so that `bench list` need not wait for it

        context.on_step(1, 1)
        return {"colour": torch.tensor(scene.picture.mean(axis=(0, 1)))}

    def generate(
        self, state: FitState, scene: Scene, requests: Sequence[Request], context: MethodContext
    ) -> Iterator[ImageArray]:
        side = context.backbone.resolution
        for request in requests:
            noise = np.random.default_rng(request.noise_seed).normal(0, self.noise, (side, side, 1))
            yield np.clip(state["colour"].numpy() + noise, 0, 255).astype(np.uint8)
