"""DB-m: DreamBooth on the masked collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from bench.api import (
    BY_VARIANT,
    CODE_ADAMW,
    PAPER_ADAM,
    CollectionSamples,
    FidelityNote,
    Phase,
    Prior,
    Recipe,
    RecipeMethod,
    Tunable,
)


@dataclass(frozen=True)
class Method(RecipeMethod):
    """DreamBooth (Ruiz et al. 2023) adapted to one picture with masks (Break-A-Scene, 4.1, Figure 6).

    Handles, UNet and text encoder are trained together, on random subsets of the concepts put on random solid
    backgrounds and flipped half of the time, with the plain diffusion loss.
    """

    summary: ClassVar[str] = "DreamBooth on the masked collection: all weights"
    source: ClassVar[str] = "Ruiz et al. 2023; Break-A-Scene, section 4.1, Figure 6, B.1; diffusers, dreambooth"
    tunable: ClassVar[Tunable] = Tunable({"learning_rate": (2.5e-7, 1.6e-5)}, ("steps",))
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "prior": {"prior_weight": 1.0},
        "code": {"variant": "code"},
        "code-no-prior": {"variant": "code", "prior_weight": 0.0},
        "fast-handles": {"handle_learning_rate": 5e-4},
    }
    by_variant: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {"optimiser": "adam", "initialiser": "mean", "prior_weight": 0.0},
        "code": {"optimiser": "adamw", "initialiser": "first", "prior_weight": 1.0},
    }

    variant: Annotated[Literal["paper", "code"], "settings of Break-A-Scene or of diffusers' example"] = "paper"
    steps: Annotated[int, "steps on handles and all weights", Field(ge=0)] = 800
    learning_rate: Annotated[float, "learning rate of handles and weights", Field(gt=0, le=1)] = 2e-6
    handle_learning_rate: Annotated[float | None, "the handles' own; None: the weights'", Field(gt=0, le=1)] = None
    optimiser: Annotated[Literal["adam", "adamw"], "Break-A-Scene's Adam or the example's AdamW"] = BY_VARIANT
    initialiser: Annotated[Literal["mean", "first"], "which sub-tokens of the class word"] = BY_VARIANT
    initial_word: Annotated[str | None, "a word that all handles start from, else each from its class word"] = None
    prior_weight: Annotated[float, "of prior preservation; 0: without", Field(ge=0, le=1e3)] = BY_VARIANT
    prior_pictures: Annotated[int, "prior-preservation pictures per class", Field(ge=1)] = 200

    ledger: ClassVar[tuple[FidelityNote, ...]] = (
        FidelityNote(
            "steps",
            "Break-A-Scene: not said; diffusers' example: 800 with prior preservation and text encoder, else 400",
            "800",
            "what `ours` takes in both phases, and the example's",
        ),
        FidelityNote(
            "learning rate",
            'Break-A-Scene: "the corresponding" one of its own; diffusers: 2e-6 with the text encoder, else 5e-6',
            "2e-6, handles included",
            "that of the phase which trains all weights, handles too; both sources have one rate",
        ),
        FidelityNote(
            "learning rate of the handles",
            'Break-A-Scene: "the corresponding learning rate" as its own: that of the phase which trains weights '
            "(2e-6, handles too), or of each parameter (handles 5e-4)",
            "the phase's, 2e-6; `fast-handles`: 5e-4; the same in `cd-m`",
            "one rate, as in Break-A-Scene's second phase; on ten scenes of Playroom no difference shows: "
            "`fast-handles` less this, identity +.003 [-.054, .059], prompt -.007 [-.019, .005]",
        ),
        FidelityNote(
            "prior preservation",
            "DreamBooth: essential; Break-A-Scene: not said; diffusers' example: 200 pictures per class, weight 1",
            "paper: none, `prior` adds it; code: on, `code-no-prior` leaves it out",
            "a choice that decides between identity and prompt has to be seen",
        ),
        FidelityNote(
            "prior text",
            'DreamBooth and diffusers: "a photo of a CLASS", of one subject',
            "that of a random concept of the step, with 200 pictures per class",
            "scenes have several classes",
        ),
        FidelityNote(
            "what names a concept",
            'DreamBooth: a rare token and the class word; Break-A-Scene: "a photo of [v1] and ..."',
            "a handle, begun at the class word and trained",
            "the collection is Break-A-Scene's definition of DB-m",
        ),
        FidelityNote(
            "collection",
            'Break-A-Scene: "a small collection", its size and crops not said',
            "drawn anew each step, concepts where they stand in the scene",
            "a collection without end; nothing is cropped or moved in Figure 6",
        ),
    )

    def recipe(self) -> Recipe:
        """One phase on everything, with the standard diffusion loss."""
        return Recipe(
            phases=(Phase("everything", self.steps, self.learning_rate, self.handle_learning_rate),),
            samples=CollectionSamples(),
            optimiser=PAPER_ADAM if self.optimiser == "adam" else CODE_ADAMW,
            initialiser=self.initialiser,
            initial_word=self.initial_word,
            masked=False,
            prior=Prior("a photo of {class}", self.prior_pictures, self.prior_weight) if self.prior_weight else None,
        )
