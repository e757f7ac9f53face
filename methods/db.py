"""DB: DreamBooth on the unmasked picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from bench.api import (
    BY_VARIANT,
    CODE_ADAMW,
    PAPER_ADAM,
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
    """DreamBooth (Ruiz et al. 2023), naively on one picture (Break-A-Scene, A.3, Figure 15).

    Handles, UNet and text encoder are trained on the raw picture with the text "a photo of [v1] and [v2]":
    nothing says which handle is which concept, and no mask is used.
    """

    summary: ClassVar[str] = "DreamBooth on the raw picture, no masks: all weights"
    source: ClassVar[str] = "Ruiz et al. 2023; Break-A-Scene, A.3; diffusers, dreambooth"
    tunable: ClassVar[Tunable] = Tunable({"learning_rate": (2.5e-7, 1.6e-5)}, ("steps",))
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "prior": {"prior_weight": 1.0},
        "code": {"variant": "code"},
        "code-no-prior": {"variant": "code", "prior_weight": 0.0},
    }
    by_variant: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {"optimiser": "adam", "initialiser": "mean", "prior_weight": 0.0},
        "code": {"optimiser": "adamw", "initialiser": "first", "prior_weight": 1.0},
    }

    variant: Annotated[Literal["paper", "code"], "settings of Break-A-Scene or of diffusers' example"] = "paper"
    steps: Annotated[int, "steps on handles and all weights", Field(ge=0)] = 800
    learning_rate: Annotated[float, "learning rate of handles and weights", Field(gt=0, le=1)] = 2e-6
    optimiser: Annotated[Literal["adam", "adamw"], "Break-A-Scene's Adam or the example's AdamW"] = BY_VARIANT
    initialiser: Annotated[Literal["mean", "first"], "which sub-tokens of the class word"] = BY_VARIANT
    initial_word: Annotated[str | None, "a word that all handles start from, else each from its class word"] = None
    prior_weight: Annotated[float, "of prior preservation; 0: without", Field(ge=0, le=1e3)] = BY_VARIANT
    prior_pictures: Annotated[int, "prior-preservation pictures per class", Field(ge=1)] = 200

    ledger: ClassVar[tuple[FidelityNote, ...]] = (
        FidelityNote(
            "steps, learning rate, optimiser",
            "Break-A-Scene (A.3): nothing said; diffusers' example: 800 steps, 2e-6, AdamW",
            "paper: those of `db-m`; code: the example's",
            "only the data differ from `db-m`",
        ),
        FidelityNote(
            "prior preservation",
            "DreamBooth: essential; Break-A-Scene: not said; diffusers' example: 200 pictures per class, weight 1",
            "paper: none, `prior` adds it; code: on, `code-no-prior` leaves it out",
            "a choice that decides between identity and prompt has to be seen",
        ),
        FidelityNote(
            "text",
            'Break-A-Scene: "a photo of [v1] and [v2]"; DreamBooth: a rare token and the class word',
            "all handles, joined by and, each begun at its class word",
            "as `ti` and `db-m`",
        ),
        FidelityNote("flips", "no source has them", "none", "A.3 speaks of the picture itself"),
    )

    def recipe(self) -> Recipe:
        """One phase on everything, with the standard diffusion loss on the whole picture."""
        return Recipe(
            phases=(Phase("everything", self.steps, self.learning_rate),),
            samples=SceneSamples("all", flip=0.0),
            optimiser=PAPER_ADAM if self.optimiser == "adam" else CODE_ADAMW,
            initialiser=self.initialiser,
            initial_word=self.initial_word,
            masked=False,
            prior=Prior("a photo of {class}", self.prior_pictures, self.prior_weight) if self.prior_weight else None,
            given_masks=False,
        )
