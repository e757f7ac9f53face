"""A method as a recipe: what is trained in which phase, on which data, under which losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.diffusion.handles import Initialiser
from bench.diffusion.samples import CollectionSamples, SceneSamples
from bench.diffusion.settings import Budget

Trained = Literal["handles", "everything"]
"""`everything` is the handles, the UNet and the text encoder with its whole embedding matrix."""


@dataclass(frozen=True)
class Phase:
    """`steps` and `learning_rate` are the paper's; the backbone's budget scales them."""

    trains: Trained
    steps: int
    learning_rate: float

    def scaled(self, budget: Budget) -> Phase:
        """This phase under a backbone's budget."""
        factor = budget.handle_learning_rate if self.trains == "handles" else budget.weights_learning_rate
        return Phase(self.trains, budget.scaled_steps(self.steps), self.learning_rate * factor)


@dataclass(frozen=True)
class Optimiser:
    """Adam, or AdamW with decoupled weight decay; `clip` bounds the gradient's norm (None: not at all)."""

    kind: Literal["adam", "adamw"]
    betas: tuple[float, float]
    weight_decay: float
    clip: float | None = None


@dataclass(frozen=True)
class AttentionLoss:
    """The cross-attention loss's weight and how it is reduced over the chosen concepts."""

    weight: float
    reduction: Literal["mean", "sum"]


@dataclass(frozen=True)
class Prior:
    """Prior preservation on `pictures` pictures of `text` (DreamBooth), scaled by the backbone's budget."""

    text: str
    pictures: int
    weight: float


@dataclass(frozen=True)
class Recipe:
    """All that the trainer needs to know; `masked` confines the diffusion loss to the concepts' masks."""

    phases: tuple[Phase, ...]
    samples: SceneSamples | CollectionSamples
    optimiser: Optimiser
    initialiser: Initialiser
    masked: bool
    attention: AttentionLoss | None = None
    prior: Prior | None = None
