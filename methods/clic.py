"""CLiC: learns a concept in the context of the object that it is a part of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from bench.api import (
    ADAM,
    BY_VARIANT,
    BackboneLimits,
    Blending,
    DrawJob,
    FidelityNote,
    FitState,
    ImageArray,
    MethodContext,
    Optimiser,
    Phase,
    Recipe,
    RecipeMethod,
    Request,
    Scene,
    SceneSamples,
    TextTemplate,
    Trained,
    Tunable,
    in_up_blocks,
)
from bench.diffusion.clic.source_masks import check_shared, mask_records, with_shared_masks

if TYPE_CHECKING:
    from torch import Tensor

    from bench.api import Objective
    from bench.diffusion.clic.in_context import InContext

SAMPLING_STEPS = 50
"""Number of sampling steps, of which the first t_s are drawn without the concept (official code)."""
OBJECT = TextTemplate(template="{tokens}", phrase="{a_object}")
CODE_ADAMW = Optimiser("adamw", betas=(0.9, 0.999), weight_decay=0.1, clip=1.0)


@dataclass(frozen=True)
class Method(RecipeMethod):
    """CLiC (Safaee et al. 2024), section 3: cross-attention and handle with three losses, one concept per step.

    The text of a concept is "an OBJECT with v* style". To generate, the first steps are drawn by the original
    backbone with "an OBJECT" alone (section 4.1). `bench edit clic` does the transfer of section 3.2.
    """

    summary: ClassVar[str] = "in-context learning: soft mask, attention and RoI losses on the cross-attention"
    source: ClassVar[str] = "Safaee et al. 2024 (CLiC), sections 3 and 4.1; Mehdi0xC/clic"
    tunable: ClassVar[Tunable] = Tunable({"learning_rate": (1.25e-6, 8e-5)}, ("steps",))
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "code": {"variant": "code"},
        "no-attention-loss": {"attention_weight": 0.0},
        "no-roi-loss": {"roi_weight": 0.0},
        "no-context-loss": {"context_weight": 0.0},
        "shared-mask": {"masks": "shared"},
    }
    by_variant: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {"alpha": 0.5, "context_weight": 1.0, "attention_weight": 0.5, "roi_weight": 0.5},
        "code": {"alpha": 0.25, "context_weight": 0.5, "attention_weight": 0.25, "roi_weight": 0.25},
    }
    guidance_step_size: ClassVar[float] = 0.1
    blending: ClassVar[Blending] = "from-target"
    ledger: ClassVar[tuple[FidelityNote, ...]] = (
        FidelityNote(
            "what is trained",
            "paper: K and V as Custom Diffusion, and v*; code: Q, K, V and the output too, the BOS token's K and V "
            "without gradient",
            "each variant as its source",
            "both are stated",
        ),
        FidelityNote(
            "soft mask",
            "paper: alpha 0.5; code: 0.25 (its comment says 0.5) where the mask is below .05, a border of one cell "
            "without weight",
            "each variant as its source",
            "both are stated",
        ),
        FidelityNote(
            "masks in latents",
            "paper: silent; code: grey edges kept, bilinear; its attention is to match this mask, 0 outside",
            "paper: black and white, nearest neighbour; code: as the code",
            "nearest neighbour is Break-A-Scene's",
        ),
        FidelityNote(
            "reduction of the diffusion losses",
            "paper: a squared norm; code: the weighted sum over the one-channel mask's sum, so 4 times a mean",
            "paper: the mean over all elements; code: as the code",
            "squared norms are read as means throughout",
        ),
        FidelityNote(
            "RoI loss",
            "paper: the noisy latents are masked, the loss is not; code: the pixels are masked and encoded anew, the "
            "loss is masked too, the text is one of eight templates",
            "each variant as its source, but always 'a photo of v*'",
            "the templates vary the text only, and the paper names this one",
        ),
        FidelityNote(
            "normalisation of the attention maps",
            "paper: none is named; code: stretched to [0, 1], at the latents' side",
            "the code's, in both variants",
            "raw probabilities over 77 tokens cannot come near a mask of ones",
        ),
        FidelityNote(
            "several concepts",
            "both learn one concept per fit, and show two of one picture in Figure 6",
            "one concept, chosen at random, in each step; their phrases are joined by 'and'",
            "the benchmark's scenes have several",
        ),
        FidelityNote(
            "start of v*",
            "paper: not stated; code: the rare token 'ktn'",
            "the class word",
            "as for every method here; a small vocabulary has no rare token",
        ),
        FidelityNote(
            "first stage of t_s = 5 steps",
            "paper: 5, of a number not stated; code: not released",
            "5 of 50, in proportion to the sampler's steps",
            "the code samples 50",
        ),
        FidelityNote(
            "scale augmentation",
            "paper: none; code: brightness 0.5, flips and, with a switch, random scale",
            "paper: none; code: brightness and flips",
            "the context loss is to teach the concept's proper scale (3.1)",
        ),
        FidelityNote(
            "cross-attention guidance (7)",
            "paper: a gradient step towards the mask at every step, its size not stated; code: Adam, 30 of 50 steps, "
            "towards ones everywhere",
            "the paper's, with a sum as the norm; step size 0.1 unless --guidance-step-size says otherwise",
            "the code's target is not the paper's equation; with a sum one size serves every resolution",
        ),
        FidelityNote(
            "guidance of several handles",
            "paper and code: one concept, one region",
            "the largest of their maps at each place is to match the region",
            "each on the whole region by itself, they would push each other out of it or melt together",
        ),
        FidelityNote(
            "source mask from pictures that share the concept (3.3)",
            "paper: w* and the cross-attention, 500 steps, 'an OBJECT with w* style'; rate, start of w* and the maps' "
            "threshold not stated; code: no command for it",
            "at 1e-5, w* and K and V, w* from the class word; maps as in RoI matching",
            "rate and weights are those of the method itself",
        ),
        FidelityNote(
            "masks of all pictures (shared-mask)",
            "paper: the map of w* is the mask of the source, one of the pictures",
            "of a scene of several pictures of one object each picture's own map is its concept's mask",
            "every picture of a scene shows a concept; w* is trained once for all of them. Of a single picture the map "
            "is that of the object itself, which is warned of",
        ),
        FidelityNote(
            "RoI matching",
            "paper: 500 steps on w* alone, its learning rate and the maps' threshold not stated; code: all weights are "
            "trained, the maps go through several thresholds and morphology",
            "the paper's, at 5e-4, the maps of every sampling step averaged, stretched to [0, 1] and cut at a half",
            "1e-5 is the rate for weights; Break-A-Scene trains handles alone at 5e-4",
        ),
        FidelityNote(
            "sampler",
            "paper: not said; code: DDIM, 50 steps, eta 1, guidance 7.5",
            "the run's DDIM, eta 0",
            "methods are compared on the same noise, so the first must be all there is",
        ),
    )

    variant: Annotated[Literal["paper", "code"], "settings of the paper or of the official code"] = "paper"
    steps: Annotated[int, "training steps", Field(ge=0)] = 500
    learning_rate: Annotated[float, "learning rate of cross-attention and handles", Field(gt=0, le=1)] = 1e-5
    initial_word: Annotated[str | None, "a word that all handles start from, else each from its class word"] = None
    alpha: Annotated[float, "weight outside the mask (equation 2)", Field(ge=0, le=1)] = BY_VARIANT
    context_weight: Annotated[float, "weight of the context loss (equation 3)", Field(ge=0, le=1e3)] = BY_VARIANT
    attention_weight: Annotated[float, "weight of the attention loss (equation 1)", Field(ge=0, le=1e3)] = BY_VARIANT
    roi_weight: Annotated[float, "weight of the RoI loss (equation 4)", Field(ge=0, le=1e3)] = BY_VARIANT
    masks: Annotated[
        Literal["given", "shared"], "the scene's own, or what its pictures of one object have in common (section 3.3)"
    ] = "given"
    first_steps: Annotated[int, "t_s: of 50 sampling steps, drawn without the concept", Field(ge=0, le=49)] = 5

    def recipe(self) -> Recipe:
        """One phase under the three losses."""
        paper = self.variant == "paper"
        trains: Trained = "cross-attention" if paper else "cross-attention-all"
        return Recipe(
            phases=(Phase(trains, self.steps, self.learning_rate, objective=self._begin),),
            samples=SceneSamples(
                "uniform",
                flip=0.0 if paper else 0.5,
                single=1.0,
                brightness=0.0 if paper else 0.5,
                text_template=TextTemplate(template="{tokens}", phrase="{a_object} with {handle} style"),
                soft=not paper,
            ),
            optimiser=ADAM if paper else CODE_ADAMW,
            initialiser="mean",
            initial_word=self.initial_word,
            masked=True,
            layers=in_up_blocks if self.attention_weight else None,
            given_masks=self.masks == "given",
            detach_bos=not paper,
        )

    def check_scene(self, scene: Scene, limits: BackboneLimits) -> None:
        """Raise `UserError` as the recipe does, and for two concepts that would have one shared mask."""
        super().check_scene(scene, limits)
        if self.masks == "shared":
            check_shared(scene)

    def fit(self, scene: Scene, context: MethodContext) -> FitState:
        """Learn the concepts; with shared masks, these are found first, and the fit records are their IoU.

        Raises `UserError` for two concepts that would have one shared mask.
        """
        if self.masks == "given":
            return super().fit(scene, context)
        steps = context.backbone.settings.budget(context.budget).scaled_steps(self.steps)
        masked, remaining = with_shared_masks(scene, context, steps)
        context.record(mask_records(masked, scene))
        return replace(self, masks="given").fit(masked, remaining)

    def generate(
        self, state: FitState, scene: Scene, requests: Sequence[Request], context: MethodContext
    ) -> Iterator[ImageArray]:
        """Draw in two stages: first the original backbone with the class words, then the fitted one."""
        from bench.diffusion.clic.two_stage import begin, finish  # noqa: PLC0415 - torch is slow to import

        backbone, batch = context.backbone, context.batch_size
        first = round(self.first_steps * backbone.settings.sampler.steps / SAMPLING_STEPS)
        plain = [DrawJob(OBJECT.prompt_text(scene, request.prompt), request.noise_seed) for request in requests]
        begun = begin(backbone, plain, first, batch)
        self.load_state(state, scene, backbone)
        text_template = self.recipe().samples.text_template
        texts = [text_template.prompt_text(scene, request.prompt) for request in requests]
        yield from finish(backbone, texts, begun, first, batch)

    def _begin(self, objective: Objective) -> Callable[[], Tensor]:
        return self._losses().begin(objective)

    def _losses(self) -> InContext:
        from bench.diffusion.clic.in_context import CODE, PAPER, InContext  # noqa: PLC0415 - torch is slow to import

        rule = PAPER if self.variant == "paper" else CODE
        return InContext(self.alpha, self.context_weight, self.attention_weight, self.roi_weight, rule)
