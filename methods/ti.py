"""TI: Textual Inversion on the unmasked picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from bench.api import (
    ADAMW,
    BY_VARIANT,
    PAPER_ADAM,
    FidelityNote,
    Phase,
    Recipe,
    RecipeMethod,
    SceneSamples,
    Tunable,
)


@dataclass(frozen=True)
class Method(RecipeMethod):
    """Textual Inversion (Gal et al. 2022), naively on one picture (Break-A-Scene, A.3, Figure 15).

    Only the handles are trained, on the raw picture with the text "a photo of [v1] and [v2]": nothing says which
    handle is which concept, and no mask is used.
    """

    summary: ClassVar[str] = "Textual Inversion on the raw picture, no masks: handles only"
    source: ClassVar[str] = "Gal et al. 2022; Break-A-Scene, A.3; diffusers, textual_inversion"
    tunable: ClassVar[Tunable] = Tunable({"learning_rate": (6.25e-5, 4e-3)}, ("steps",))
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {"code": {"variant": "code"}}
    by_variant: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {
            "steps": 800,
            "batch": 1,
            "learning_rate": 5e-4,
            "optimiser": "adam",
            "initialiser": "mean",
            "flip": 0.0,
        },
        "code": {
            "steps": 3000,
            "batch": 4,
            "learning_rate": 2e-3,
            "optimiser": "adamw",
            "initialiser": "first",
            "flip": 0.5,
        },
    }

    variant: Annotated[Literal["paper", "code"], "settings of Break-A-Scene or of diffusers' example"] = "paper"
    steps: Annotated[int, "steps on the handles", Field(ge=0)] = BY_VARIANT
    batch: Annotated[int, "samples per step", Field(ge=1)] = BY_VARIANT
    learning_rate: Annotated[float, "learning rate of the handles", Field(gt=0, le=1)] = BY_VARIANT
    optimiser: Annotated[Literal["adam", "adamw"], "Break-A-Scene's Adam or the example's AdamW"] = BY_VARIANT
    initialiser: Annotated[Literal["mean", "first"], "which sub-tokens of the class word"] = BY_VARIANT
    initial_word: Annotated[str | None, "a word that all handles start from, else each from its class word"] = None
    flip: Annotated[float, "probability of a mirrored step", Field(ge=0, le=1)] = BY_VARIANT

    ledger: ClassVar[tuple[FidelityNote, ...]] = (
        FidelityNote(
            "steps, learning rate, optimiser",
            "Break-A-Scene (A.3): nothing said; diffusers' example: 3000 of 4 samples, 2e-3, AdamW",
            "paper: those of `ti-m`; code: the example's",
            "only the data differ from `ti-m`",
        ),
        FidelityNote(
            "text",
            'Break-A-Scene: "a photo of [v1] and [v2]"',
            "all handles, joined by and",
            "it shows two concepts only",
        ),
        FidelityNote(
            "flips",
            "Break-A-Scene: nothing said; diffusers' example: half of the samples",
            "paper: none; code: half",
            "A.3 speaks of the picture itself",
        ),
    )

    def recipe(self) -> Recipe:
        """One phase on the handles, with the standard diffusion loss on the whole picture."""
        return Recipe(
            phases=(Phase("handles", self.steps, self.learning_rate, batch=self.batch),),
            samples=SceneSamples("all", self.flip),
            optimiser=PAPER_ADAM if self.optimiser == "adam" else ADAMW,
            initialiser=self.initialiser,
            initial_word=self.initial_word,
            masked=False,
            given_masks=False,
        )
