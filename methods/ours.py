"""Break-A-Scene: two phases, union sampling, a masked diffusion loss and a cross-attention loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from bench.diffusion.recipe import AttentionLoss, Optimiser, Phase, Prior, Recipe
from bench.diffusion.recipe_method import RecipeMethod
from bench.diffusion.samples import SceneSamples, Subsets

PAPER_OPTIMISER = Optimiser("adam", betas=(0.9, 0.99), weight_decay=1e-8)
CODE_OPTIMISER = Optimiser("adamw", betas=(0.9, 0.999), weight_decay=1e-2, clip=1.0)
CODE_PRIOR = Prior("a photo at the beach", pictures=100, weight=1.0)


@dataclass(frozen=True)
class Method(RecipeMethod):
    """Break-A-Scene (Avrahami et al. 2023), section 3 and B.1; where paper and official code differ:

    - optimiser: paper Adam(.9, .99) with weight decay 1e-8; code AdamW(.9, .999) with 1e-2, gradients clipped
      at 1
    - prior preservation: paper none; code 100 pictures of "a photo at the beach", weight 1
    - union sampling: paper a random subset (here uniform over the non-empty ones); code the size first, then
      a random subset of it in random order
    - horizontal flips: paper none (they are mentioned for the baselines only); code half of the steps
    - attention loss: paper an expectation over the chosen concepts (the mean); code their sum
    - handles start from the class word: paper silent (here the mean of its sub-tokens); code its first
      sub-token

    The code's fp16 is not part of the variant: the run's precision holds for every method, over float32
    weights.
    """

    summary: ClassVar[str] = "Break-A-Scene: handles, then all weights; masked and cross-attention losses"
    source: ClassVar[str] = "Avrahami et al. 2023, section 3, B.1; google/break-a-scene"
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "code": {"variant": "code"},
        "no-phase-1": {"phase1_steps": 0},
        "no-masked-loss": {"masked": False},
        "no-attention-loss": {"attention_weight": 0.0},
        "no-union-sampling": {"union_sampling": False},
    }

    variant: Annotated[Literal["paper", "code"], "settings of the paper or of the official code"] = "paper"
    phase1_steps: Annotated[int, "steps on the handles alone", Field(ge=0)] = 400
    phase2_steps: Annotated[int, "steps on handles and all weights", Field(ge=0)] = 400
    phase1_learning_rate: Annotated[float, "learning rate of phase 1", Field(gt=0, le=1)] = 5e-4
    phase2_learning_rate: Annotated[float, "learning rate of phase 2", Field(gt=0, le=1)] = 2e-6
    attention_weight: Annotated[float, "lambda_attn of equation 3; 0: without the loss", Field(ge=0, le=1e3)] = 0.01
    masked: Annotated[bool, "confine the diffusion loss to the masks (equation 1)"] = True
    union_sampling: Annotated[bool, "train on subsets of concepts, not on one at a time"] = True

    def recipe(self) -> Recipe:
        """Both phases of the chosen variant."""
        paper = self.variant == "paper"
        return Recipe(
            phases=(
                Phase("handles", self.phase1_steps, self.phase1_learning_rate),
                Phase("everything", self.phase2_steps, self.phase2_learning_rate),
            ),
            samples=SceneSamples(self._subsets(), flip=0.0 if paper else 0.5),
            optimiser=PAPER_OPTIMISER if paper else CODE_OPTIMISER,
            initialiser="mean" if paper else "first",
            masked=self.masked,
            attention=self._attention(),
            prior=None if paper else CODE_PRIOR,
        )

    def _subsets(self) -> Subsets:
        if not self.union_sampling:
            return "single"
        return "uniform" if self.variant == "paper" else "size-first"

    def _attention(self) -> AttentionLoss | None:
        if not self.attention_weight:
            return None
        return AttentionLoss(self.attention_weight, "mean" if self.variant == "paper" else "sum")
