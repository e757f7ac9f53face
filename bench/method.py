"""What a method is to the engine: two verbs, `fit` and `generate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from bench.scenes import Picture, Prompt, Scene

if TYPE_CHECKING:
    import torch

    from bench.diffusion.backbone import Backbone

FitState: TypeAlias = "Mapping[str, torch.Tensor]"
"""What a fit learned, by name: all that `generate` needs besides the backbone; saved as safetensors."""


@dataclass(frozen=True)
class Workbench:
    """What the engine hands to a method: the loaded backbone and how this unit is to be worked.

    `seed` is the unit's seed; everything random in a fit derives from it. `batch_size` is how many pictures to
    draw at once (never changes what is drawn beyond rounding). `budget` names an entry of the backbone's `budgets`.
    `on_step(done, total)` reports progress.
    """

    backbone: Backbone
    seed: int
    batch_size: int
    budget: str
    on_step: Callable[[int, int], None]


@dataclass(frozen=True)
class Request:
    """One picture to draw: its prompt and the seed of its initial noise (the same for every method)."""

    prompt: Prompt
    noise_seed: int


class Method(Protocol):
    """A drop-in of `methods/`: a frozen dataclass called `Method`, whose fields are its configuration."""

    def fit(self, scene: Scene, workbench: Workbench) -> FitState:
        """Learn the scene's concepts; the backbone is pristine at the start and may be changed freely."""
        ...

    def generate(
        self, state: FitState, scene: Scene, requests: Sequence[Request], workbench: Workbench
    ) -> Iterator[Picture]:
        """Draw the requested pictures, in order; the backbone is pristine at the start."""
        ...
