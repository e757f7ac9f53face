"""Break-A-Scene: two phases, union sampling, a masked diffusion loss and a cross-attention loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from bench.api import (
    BY_VARIANT,
    CODE_ADAMW,
    PAPER_ADAM,
    AttentionLoss,
    FidelityNote,
    Phase,
    Prior,
    Recipe,
    RecipeMethod,
    SceneSamples,
    Tunable,
)


@dataclass(frozen=True)
class Method(RecipeMethod):
    """Break-A-Scene (Avrahami et al. 2023), section 3 and B.1.

    First the handles alone are learned, then the handles with all weights, more slowly. Each step takes a random
    subset of the concepts (union sampling); the diffusion loss is confined to the union of their masks
    (equation 1), and each handle's cross-attention is drawn to its own mask (equation 2).
    """

    summary: ClassVar[str] = "Break-A-Scene: handles, then all weights; masked and cross-attention losses"
    source: ClassVar[str] = "Avrahami et al. 2023, section 3, B.1; google/break-a-scene"
    tunable: ClassVar[Tunable] = Tunable(
        {"phase1_learning_rate": (6.25e-5, 4e-3), "phase2_learning_rate": (2.5e-7, 1.6e-5)},
        ("phase1_steps", "phase2_steps"),
    )
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "code": {"variant": "code"},
        "no-phase-1": {"phase1_steps": 0},
        "no-masked-loss": {"masked": False},
        "no-attention-loss": {"attention_weight": 0.0},
        "no-union": {"single": 1.0},
        "single-p": {"single": 0.8},
        "background": {"background": True},
        "cross-attention-only": {"weights": "cross-attention"},
    }
    by_variant: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {
            "subsets": "uniform",
            "flip": 0.0,
            "initialiser": "mean",
            "attention_reduction": "mean",
            "optimiser": "adam",
            "prior_weight": 0.0,
            "soft_masks": False,
        },
        "code": {
            "subsets": "size-first",
            "flip": 0.5,
            "initialiser": "first",
            "attention_reduction": "sum",
            "optimiser": "adamw",
            "prior_weight": 1.0,
            "soft_masks": True,
        },
    }

    variant: Annotated[Literal["paper", "code"], "settings of the paper or of the official code"] = "paper"
    phase1_steps: Annotated[int, "steps on the handles alone", Field(ge=0)] = 400
    phase2_steps: Annotated[int, "steps on handles and weights", Field(ge=0)] = 400
    phase1_learning_rate: Annotated[float, "learning rate of phase 1", Field(gt=0, le=1)] = 5e-4
    phase2_learning_rate: Annotated[float, "learning rate of phase 2", Field(gt=0, le=1)] = 2e-6
    weights: Annotated[Literal["everything", "cross-attention"], "the weights that phase 2 trains"] = "everything"
    masked: Annotated[bool, "confine the diffusion loss to the masks (equation 1)"] = True
    attention_weight: Annotated[float, "lambda_attn of equation 3; 0: without the loss", Field(ge=0, le=1e3)] = 0.01
    attention_reduction: Annotated[Literal["mean", "sum"], "of that loss, over the chosen concepts"] = BY_VARIANT
    subsets: Annotated[Literal["uniform", "size-first"], "how union sampling chooses concepts"] = BY_VARIANT
    single: Annotated[
        float | None, "probability that a step sees one concept alone (A.2); 1: no union sampling", Field(ge=0, le=1)
    ] = None
    flip: Annotated[float, "probability of a mirrored step", Field(ge=0, le=1)] = BY_VARIANT
    initialiser: Annotated[Literal["mean", "first"], "which sub-tokens of the class word"] = BY_VARIANT
    initial_word: Annotated[str | None, "a word that all handles start from, else each from its class word"] = None
    optimiser: Annotated[Literal["adam", "adamw"], "the paper's Adam or the code's AdamW"] = BY_VARIANT
    prior_weight: Annotated[float, "of prior preservation; 0: without", Field(ge=0, le=1e3)] = BY_VARIANT
    soft_masks: Annotated[bool, "masks keep their grey edges, where their files have any"] = BY_VARIANT
    background: Annotated[bool, "learn the complement of all masks as one more concept (4.2)"] = False

    ledger: ClassVar[tuple[FidelityNote, ...]] = (
        FidelityNote(
            "optimiser",
            "paper (B.1): Adam (.9, .99), weight decay 1e-8; code: AdamW (.9, .999), 1e-2, gradients clipped at 1",
            "each variant its own",
            "they contradict each other",
        ),
        FidelityNote(
            "prior preservation",
            'paper: none; code: on, 100 pictures of "a photo at the beach", weight 1 (helps "a bit", its author says)',
            "each variant its own",
            "they contradict each other",
        ),
        FidelityNote(
            "prior pictures",
            "code: the checkpoint's default sampler, kept as JPEG and reused whatever made them",
            "the run's sampler, PNG, kept by text, sampler and seed",
            "the same for every scene and method, and never another run's",
        ),
        FidelityNote(
            "union sampling",
            "paper: a random subset of k <= N concepts; code: k first, then k concepts in random order",
            "paper: uniform over the non-empty subsets, in the scene's order; code: as it is",
            "the plainest reading; `subsets` sets it",
        ),
        FidelityNote(
            "raised probability of k = 1",
            "paper (A.2): tried, without a number",
            "`single-p`: 0.8; the other subsets share the rest",
            "well above the 1/3 (N = 4: 4/15) of union sampling; `single` sets it",
        ),
        FidelityNote(
            "horizontal flips",
            "paper: named for the baselines only; code: half of the steps",
            "each variant its own",
            "they contradict each other",
        ),
        FidelityNote(
            "attention loss over k concepts",
            "paper: an expectation over the concepts; code: their sum",
            "paper: the mean; code: the sum",
            "an expectation is a mean",
        ),
        FidelityNote(
            "attention maps",
            'paper: averaged at 16x16 and "normalized to [0, 1]"; code: down and up blocks, divided by the maximum',
            "as the code, gradient through the maximum included",
            "the paper leaves it open",
        ),
        FidelityNote(
            "squared norms",
            "paper: plain norms; code: means over all elements, masked-out pixels in the denominator",
            "as the code",
            "lambda_attn = .01 belongs to means",
        ),
        FidelityNote(
            "masks in latents",
            "paper: silent; code: nearest neighbour",
            "as the code",
            "both have to be one grid; what becomes of thin parts stands in the next row",
        ),
        FidelityNote(
            "masks of which nothing is left",
            "paper: silent; code: equation 2 then teaches the handle to be attended to nowhere",
            "at the latents' side the scene is refused before the run; at the 16x16 of the attention loss a warning "
            "is given, and the loss leaves this concept out",
            "a bar of 27 x 430 of 512 pixels may fall between those that 16x16 reads, while latents of 64 have it",
        ),
        FidelityNote(
            "grey edges of masks",
            "paper: silent; code: used as they are, 0 to 1, the union of several their maximum",
            "paper: a mask is where its file is at least half white; code: as it is",
            "masks of COCO and of Playroom have no grey edges; those of the authors' own examples do",
        ),
        FidelityNote(
            "initial handles",
            "paper: silent; code: first sub-token of a word that the user may give, else copied rows of real tokens",
            "paper: mean of the class word's sub-tokens; code: the first; `initial_word` is one word for all",
            "datasets have class words; a mean is of the whole word",
        ),
        FidelityNote(
            "`no-phase-1`",
            "paper: the first phase removed, steps not said",
            "phase 2 alone, 400 steps",
            "what is left of the method; set phase2_steps=800 for the same compute",
        ),
        FidelityNote(
            "`cross-attention-only`",
            "CLiC (4.2) optimises cross-attention and token; its code: one phase, no union sampling",
            "phase 2 trains handles, K and V; all else as the paper",
            "one change at a time",
        ),
        FidelityNote(
            "background",
            "paper (4.2): the complement of all masks as one more concept, drawn behind new objects; code: by hand, as "
            "one more mask",
            "a dataset's concept (--background), for every method; `background` learns it from scenes without",
            "what is drawn is the dataset's, so that methods are compared on it",
        ),
        FidelityNote(
            "precision",
            "paper: silent; code: fp16, whose second phase unscales the handles' gradients twice",
            "the run's precision over float32 weights, drawn in fp16 where that is bf16, for every method",
            "an accident of a library is not part of a method",
        ),
    )

    def recipe(self) -> Recipe:
        """Both phases."""
        return Recipe(
            phases=(
                Phase("handles", self.phase1_steps, self.phase1_learning_rate),
                Phase(self.weights, self.phase2_steps, self.phase2_learning_rate),
            ),
            samples=SceneSamples(self.subsets, self.flip, self.single, soft=self.soft_masks),
            optimiser=PAPER_ADAM if self.optimiser == "adam" else CODE_ADAMW,
            initialiser=self.initialiser,
            initial_word=self.initial_word,
            masked=self.masked,
            attention=AttentionLoss(self.attention_weight, self.attention_reduction) if self.attention_weight else None,
            prior=Prior("a photo at the beach", 100, self.prior_weight) if self.prior_weight else None,
            background=self.background,
        )
