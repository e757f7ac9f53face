"""TI-m: Textual Inversion on the masked collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from bench.api import (
    ADAMW,
    BY_VARIANT,
    PAPER_ADAM,
    CollectionSamples,
    FidelityNote,
    Phase,
    Recipe,
    RecipeMethod,
    Tunable,
)


@dataclass(frozen=True)
class Method(RecipeMethod):
    """Textual Inversion (Gal et al. 2022) adapted to one picture with masks (Break-A-Scene, 4.1, Figure 6).

    Only the handles are trained, on random subsets of the concepts put on random solid backgrounds and flipped
    half of the time, with the plain diffusion loss.
    """

    summary: ClassVar[str] = "Textual Inversion on the masked collection: handles only"
    source: ClassVar[str] = "Gal et al. 2022; Break-A-Scene, section 4.1, Figure 6, B.1; diffusers, textual_inversion"
    tunable: ClassVar[Tunable] = Tunable({"learning_rate": (6.25e-5, 4e-3)}, ("steps",))
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {"code": {"variant": "code"}}
    by_variant: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {"steps": 800, "batch": 1, "learning_rate": 5e-4, "optimiser": "adam", "initialiser": "mean"},
        "code": {"steps": 3000, "batch": 4, "learning_rate": 2e-3, "optimiser": "adamw", "initialiser": "first"},
    }

    variant: Annotated[Literal["paper", "code"], "settings of Break-A-Scene or of diffusers' example"] = "paper"
    steps: Annotated[int, "steps on the handles", Field(ge=0)] = BY_VARIANT
    batch: Annotated[int, "samples per step", Field(ge=1)] = BY_VARIANT
    learning_rate: Annotated[float, "learning rate of the handles", Field(gt=0, le=1)] = BY_VARIANT
    optimiser: Annotated[Literal["adam", "adamw"], "Break-A-Scene's Adam or the example's AdamW"] = BY_VARIANT
    initialiser: Annotated[Literal["mean", "first"], "which sub-tokens of the class word"] = BY_VARIANT
    initial_word: Annotated[str | None, "a word that all handles start from, else each from its class word"] = None

    ledger: ClassVar[tuple[FidelityNote, ...]] = (
        FidelityNote(
            "steps",
            "Break-A-Scene: not said; diffusers' example: 3000 of 4 samples",
            "paper: 800; code: 3000 of 4",
            "800 is what `ours` takes in both phases",
        ),
        FidelityNote(
            "learning rate",
            'Break-A-Scene: "the corresponding" one of its own; diffusers: 5e-4, times 4 for the samples of a step',
            "paper: 5e-4; code: 2e-3",
            "that of the phase which trains handles alone",
        ),
        FidelityNote(
            "optimiser",
            "Break-A-Scene (B.1): its own Adam, presumably; diffusers: AdamW, 1e-2",
            "each variant its own",
            "no code of the baselines was released",
        ),
        FidelityNote(
            "collection",
            'Break-A-Scene: "a small collection", its size and crops not said',
            "drawn anew each step, concepts where they stand in the scene",
            "a collection without end; nothing is cropped or moved in Figure 6",
        ),
        FidelityNote(
            "texts",
            'Break-A-Scene: "a photo of [v1] and ..."; Textual Inversion: some twenty templates',
            "Break-A-Scene's, in both variants",
            "the collection is its definition of TI-m",
        ),
        FidelityNote(
            "prior preservation",
            "no source has it",
            "none, in both variants",
            "its text holds no handle, so no gradient would reach one",
        ),
    )

    def recipe(self) -> Recipe:
        """One phase on the handles, with the standard diffusion loss."""
        return Recipe(
            phases=(Phase("handles", self.steps, self.learning_rate, batch=self.batch),),
            samples=CollectionSamples(),
            optimiser=PAPER_ADAM if self.optimiser == "adam" else ADAMW,
            initialiser=self.initialiser,
            initial_word=self.initial_word,
            masked=False,
        )
