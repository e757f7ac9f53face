"""CD-m: Custom Diffusion on the masked collection."""

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
    """Custom Diffusion (Kumari et al. 2023) adapted to one picture with masks (Break-A-Scene, 4.1, Figure 6).

    Handles and the K and V projections of the UNet's cross-attention are trained together, on random subsets of
    the concepts put on random solid backgrounds and flipped half of the time, with the plain diffusion loss.
    """

    summary: ClassVar[str] = "Custom Diffusion on the masked collection: cross-attention K and V"
    source: ClassVar[str] = "Kumari et al. 2023; Break-A-Scene, section 4.1, Figure 6, B.1; adobe-research"
    tunable: ClassVar[Tunable] = Tunable({"learning_rate": (2.5e-7, 1.6e-5)}, ("steps",))
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "prior": {"prior_weight": 1.0},
        "code": {"variant": "code"},
        "code-no-prior": {"variant": "code", "prior_weight": 0.0, "learning_rate": 2e-5},
        "fast-handles": {"handle_learning_rate": 5e-4},
    }
    by_variant: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {
            "steps": 800,
            "batch": 1,
            "learning_rate": 2e-6,
            "optimiser": "adam",
            "initialiser": "mean",
            "prior_weight": 0.0,
            "detach_bos": False,
        },
        "code": {
            "steps": 1000,
            "batch": 2,
            "learning_rate": 4e-5,
            "optimiser": "adamw",
            "initialiser": "first",
            "prior_weight": 1.0,
            "detach_bos": True,
        },
    }

    variant: Annotated[Literal["paper", "code"], "settings of Break-A-Scene or of Custom Diffusion's code"] = "paper"
    steps: Annotated[int, "steps on handles, K and V", Field(ge=0)] = BY_VARIANT
    batch: Annotated[int, "samples per step", Field(ge=1)] = BY_VARIANT
    learning_rate: Annotated[float, "learning rate of K and V", Field(gt=0, le=1)] = BY_VARIANT
    handle_learning_rate: Annotated[float | None, "the handles' own; None: the weights'", Field(gt=0, le=1)] = None
    optimiser: Annotated[Literal["adam", "adamw"], "Break-A-Scene's Adam or the code's AdamW"] = BY_VARIANT
    initialiser: Annotated[Literal["mean", "first"], "which sub-tokens of the class word"] = BY_VARIANT
    initial_word: Annotated[str | None, "a word that all handles start from, else each from its class word"] = None
    prior_weight: Annotated[float, "of prior preservation; 0: without", Field(ge=0, le=1e3)] = BY_VARIANT
    prior_pictures: Annotated[int, "prior-preservation pictures per class", Field(ge=1)] = 200
    detach_bos: Annotated[bool, "no gradient through the BOS token's K and V"] = BY_VARIANT

    ledger: ClassVar[tuple[FidelityNote, ...]] = (
        FidelityNote(
            "steps",
            "Break-A-Scene: not said; code, on one GPU: 500 of 2 samples, 1000 for two concepts",
            "paper: 800; code: 1000 of 2",
            "800 is what `ours` takes in both phases; scenes have two concepts or more",
        ),
        FidelityNote(
            "learning rates",
            'Break-A-Scene: "the corresponding" ones of its own; code: 1e-5, times 2 samples, times 2 with prior',
            "paper: 2e-6, handles included; code: 4e-5, 2e-5 without prior preservation",
            "that of the phase which trains weights, as `db-m`; each of the sources has one rate",
        ),
        FidelityNote(
            "learning rate of the handles",
            'Break-A-Scene: "the corresponding learning rate" as its own: that of the phase which trains weights '
            "(2e-6, handles too), or of each parameter (handles 5e-4)",
            "the phase's, 2e-6; `fast-handles`: 5e-4; the same in `db-m`",
            "one rate, as in Break-A-Scene's second phase; on ten scenes of Playroom, `fast-handles` less this: "
            "identity +.024 [-.099, .147], prompt -.032 [-.052, -.012], .18 fewer found",
        ),
        FidelityNote(
            "a factor of the backbone's budget",
            "none",
            "K and V are scaled like all weights, handles too; in `fast-handles` these like a handles' phase",
            "one rule for all methods",
        ),
        FidelityNote(
            "prior preservation",
            "Custom Diffusion: 200 real (or drawn) pictures per class; Break-A-Scene: not said",
            "paper: none, `prior` adds it; code: on, drawn; `code-no-prior` leaves it out",
            "real pictures have to be retrieved from a service outside this package",
        ),
        FidelityNote(
            "beginning-of-sequence (BOS) token",
            "Custom Diffusion's paper: nothing; code: its K and V get no gradient",
            "paper: they do; code: they do not",
            "`detach_bos` sets it",
        ),
        FidelityNote(
            "augmentation",
            "Custom Diffusion: resized pictures, loss in the valid region over its area; Break-A-Scene: flips",
            "Break-A-Scene's, in both variants",
            "the collection is its definition of CD-m",
        ),
        FidelityNote(
            "what names a concept",
            'Custom Diffusion: "photo of a <new1> CLASS", a rare token; Break-A-Scene: "a photo of [v1] and ..."',
            "a handle alone, begun at the class word",
            "the collection is its definition of CD-m",
        ),
        FidelityNote(
            "sampler",
            "Custom Diffusion's code: 200 steps, eta 1, guidance 6; Break-A-Scene: not said",
            "the run's DDIM, eta 0",
            "methods are compared on the same noise, so the first must be all there is",
        ),
    )

    def recipe(self) -> Recipe:
        """One phase on handles, K and V, with the standard diffusion loss."""
        phase = Phase("cross-attention", self.steps, self.learning_rate, self.handle_learning_rate, self.batch)
        return Recipe(
            phases=(phase,),
            samples=CollectionSamples(),
            optimiser=PAPER_ADAM if self.optimiser == "adam" else CODE_ADAMW,
            initialiser=self.initialiser,
            initial_word=self.initial_word,
            masked=False,
            prior=Prior("a photo of {class}", self.prior_pictures, self.prior_weight) if self.prior_weight else None,
            detach_bos=self.detach_bos,
        )
