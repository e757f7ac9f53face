"""CD: Custom Diffusion on the unmasked picture, as CLiC's baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from bench.api import (
    ADAM,
    BY_VARIANT,
    FidelityNote,
    Optimiser,
    Phase,
    Prior,
    Recipe,
    RecipeMethod,
    SceneSamples,
    TextTemplate,
    Tunable,
)

STYLE = TextTemplate("{tokens}", "{a_object} with {handle} style")
CLIC_ADAMW = Optimiser("adamw", betas=(0.9, 0.999), weight_decay=0.1, clip=1.0)


@dataclass(frozen=True)
class Method(RecipeMethod):
    """Custom Diffusion (Kumari et al. 2023) as CLiC runs it for comparison (Safaee et al. 2024, section 4.2).

    Handle and cross-attention are trained on the whole picture, without a mask, with the text "an OBJECT with v*
    style"; pictures are drawn with the same words.
    """

    summary: ClassVar[str] = 'Custom Diffusion on the raw picture, "an OBJECT with v* style": cross-attention'
    source: ClassVar[str] = "Kumari et al. 2023; CLiC (Safaee et al. 2024), section 4.2; Mehdi0xC/clic"
    tunable: ClassVar[Tunable] = Tunable({"learning_rate": (1.25e-6, 8e-5)}, ("steps",))
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "prior": {"prior_weight": 1.0},
        "code": {"variant": "code"},
    }
    by_variant: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {
            "trains": "cross-attention",
            "optimiser": "adam",
            "initialiser": "mean",
            "flip": 0.0,
            "brightness": 0.0,
            "detach_bos": False,
            "valid_region": False,
        },
        "code": {
            "trains": "cross-attention-all",
            "optimiser": "adamw",
            "initialiser": "first",
            "flip": 0.5,
            "brightness": 0.5,
            "detach_bos": True,
            "valid_region": True,
        },
    }

    variant: Annotated[Literal["paper", "code"], "settings of CLiC's paper or of its code"] = "paper"
    steps: Annotated[int, "steps on handles and cross-attention", Field(ge=0)] = 500
    learning_rate: Annotated[float, "learning rate of handles and weights", Field(gt=0, le=1)] = 1e-5
    trains: Annotated[Literal["cross-attention", "cross-attention-all"], "K and V only, or Q and output too"] = (
        BY_VARIANT
    )
    optimiser: Annotated[Literal["adam", "adamw"], "the paper's Adam or the code's AdamW"] = BY_VARIANT
    initialiser: Annotated[Literal["mean", "first"], "which sub-tokens of the class word"] = BY_VARIANT
    initial_word: Annotated[str | None, "a word that all handles start from, else each from its class word"] = None
    flip: Annotated[float, "probability of a mirrored step", Field(ge=0, le=1)] = BY_VARIANT
    brightness: Annotated[float, "largest relative change of brightness", Field(ge=0, le=1)] = BY_VARIANT
    prior_weight: Annotated[float, "of prior preservation; 0: without", Field(ge=0, le=1e3)] = 0.0
    prior_pictures: Annotated[int, "prior-preservation pictures per class", Field(ge=1)] = 200
    detach_bos: Annotated[bool, "no gradient through the BOS token's K and V"] = BY_VARIANT
    valid_region: Annotated[bool, "loss without the latents' border, divided by the cells left"] = BY_VARIANT

    ledger: ClassVar[tuple[FidelityNote, ...]] = (
        FidelityNote(
            "trained weights",
            "CLiC's paper: as in Custom Diffusion (K, V); code: Q, K, V and the output",
            "each variant its own",
            "they contradict each other",
        ),
        FidelityNote(
            "optimiser",
            "paper: Adam, 1e-5; code: AdamW, 1e-5, weight decay .1, clipped at 1",
            "each variant its own",
            "they contradict each other; betas are the libraries' (.9, .999)",
        ),
        FidelityNote(
            "augmentation",
            "paper: none; code: brightness by up to half, half of the pictures flipped",
            "each variant its own",
            "they contradict each other",
        ),
        FidelityNote(
            "reduction of the diffusion loss",
            "paper: a squared norm; code (`content`): over the valid region's cells, not elements, so 4 times a mean; "
            "the latents' outermost ring is not valid",
            "paper: the mean over all elements; code: as the code",
            "squared norms are read as means throughout",
        ),
        FidelityNote(
            "scale augmentation",
            "paper: none; code: random scale unless switched off, as its published command does for CLiC",
            "none, in both variants",
            "the command for this baseline is not published; the same pictures for both",
        ),
        FidelityNote(
            "prior preservation",
            "Custom Diffusion: on; CLiC: the unmasked diffusion loss, no more said",
            "none, `prior` adds it",
            "CLiC's words name one loss",
        ),
        FidelityNote(
            "several concepts",
            "CLiC learns one",
            'all at once: "a chair with [v1] style and a table with [v2] style"',
            "a picture without masks shows all of them",
        ),
        FidelityNote(
            "initial handle",
            'CLiC\'s code: a rare token ("ktn")',
            "the class word",
            "as every other method here; a rare token differs from backbone to backbone",
        ),
        FidelityNote(
            "sampler",
            "Custom Diffusion's code: 200 steps, eta 1, guidance 6; CLiC: not said",
            "the run's DDIM, eta 0",
            "methods are compared on the same noise, so the first must be all there is",
        ),
    )

    def recipe(self) -> Recipe:
        """One phase on handles and cross-attention, with the standard diffusion loss on the whole picture."""
        return Recipe(
            phases=(Phase(self.trains, self.steps, self.learning_rate),),
            samples=SceneSamples("all", self.flip, brightness=self.brightness, text_template=STYLE),
            optimiser=ADAM if self.optimiser == "adam" else CLIC_ADAMW,
            initialiser=self.initialiser,
            initial_word=self.initial_word,
            masked=False,
            prior=Prior("a photo of {class}", self.prior_pictures, self.prior_weight) if self.prior_weight else None,
            given_masks=False,
            detach_bos=self.detach_bos,
            valid_region=self.valid_region,
        )
