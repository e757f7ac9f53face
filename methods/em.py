"""Visual concepts by Expectation-Maximization: no mask is given, tokens and masks are learned in turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from bench.api import (
    PAPER_ADAM,
    AttentionLoss,
    FidelityNote,
    FitState,
    MethodContext,
    Phase,
    Recipe,
    RecipeMethod,
    Scene,
    SceneSamples,
    Tunable,
    UserError,
)
from bench.diffusion.em.alternation import ExpectationMaximization, every_layer, unmasked
from bench.diffusion.em.crf import DenseCrf
from bench.diffusion.em.latent_scene import MaskRule


@dataclass(frozen=True)
class Method(RecipeMethod):
    """Visual concept-driven generation (Rahman et al. 2024), section 3; its code was never released.

    Handles start from class words. The first masks are cross-attention maps, averaged over all layers and 50
    random diffusion times, thresholded and refined by DenseCRF. Then tokens (under the losses of Break-A-Scene
    with these masks) and masks are updated in turn; at last tokens and all weights are trained with the masks
    fixed. The scene's own masks are not used for learning: the fit records compare the latent masks with them.

    The baseline of the paper never updates its first masks (`fixed-masks`), its upper bound is given the true
    ones (`given-masks`), which is Break-A-Scene.
    """

    summary: ClassVar[str] = "no mask given: handles and masks from cross-attention in turn, then all weights"
    source: ClassVar[str] = "Rahman et al. 2024, section 3, Figure 2"
    tunable: ClassVar[Tunable] = Tunable(
        {"phase1_learning_rate": (6.25e-5, 4e-3), "phase2_learning_rate": (2.5e-7, 1.6e-5)},
        ("phase1_steps", "phase2_steps"),
    )
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "fixed-masks": {"masks": "fixed"},
        "step-maps": {"estimation": "in-step"},
        "given-masks": {"masks": "given"},
        "no-crf": {"crf": False},
        "no-attention-loss": {"attention_weight": 0.0},
        "no-masked-loss": {"masked": False},
        "augment": {"flip": 0.5},
        "inversion": {"init": "inversion"},
    }
    ledger: ClassVar[tuple[FidelityNote, ...]] = (
        FidelityNote(
            "steps, learning rates, optimiser, lambda_attn, union sampling",
            "400 alternating steps, usually; otherwise silent: 'similar to [4]'",
            "those of Break-A-Scene's paper: 400 + 400 steps, 5e-4 and 2e-6, Adam(.9, .99), .01, random subsets",
            "the method is Break-A-Scene with latent masks, and given-masks is to be its upper bound",
        ),
        FidelityNote(
            "threshold of a map",
            "'a fixed threshold', no value and no scale",
            "half of the way from a map's smallest to its largest value",
            "maps of different layers, times and texts have different scales; of .2 to .7 it gave the best first masks "
            "on eight scenes of Playroom with another seed than the default's",
        ),
        FidelityNote(
            "equation 2",
            "A = softmax(QK/sqrt(d)) V, of which 'each slice A_p is the region attended by the p-th token'",
            "softmax(QK/sqrt(d)), heads averaged, each layer enlarged bilinearly, layers averaged",
            "a product with V has no slices by token",
        ),
        FidelityNote(
            "text of the first estimate",
            "silent",
            "a photo of all concepts of a picture",
            "the tokens compete for each pixel, as in training",
        ),
        FidelityNote(
            "attention of later masks",
            "'for the optimized token, we compute (3) to update the mask'; at each iteration one sampled time",
            "after each update one pass without gradients at a random time of its own, joined to a running mean "
            "(momentum .96), then thresholded and refined like the first; step-maps takes the step's own pass instead",
            "that is the paper's order, for one more forward pass a step; one time alone is noise: so that no later "
            "mask is noisier than the first, the mean is worth about as many times, (1 + m) / (1 - m) = 50",
        ),
        FidelityNote(
            "text of later masks",
            "silent",
            "a photo of all concepts of a picture, as for the first; with step-maps the step's own, a random subset",
            "a concept named alone is looked at more widely than beside others, so masks from subsets grow without "
            "anything being learned (on a Playroom scene of three concepts, with a learning rate of nearly zero, from "
            "IoU .42 to .32)",
        ),
        FidelityNote(
            "IoU of masks over steps",
            "'a clear trend of improvement' (Figure 3), smoothed curves of three concepts, no interval",
            "on ten Playroom scenes from .473 to .471 (change -.003 [-.058, .053], .501 at step 100 of 160); step-maps "
            "from .473 to .445 (-.028 [-.106, .049])",
            "neither rises, nor is either shown to fall; the default ends .026 [-.046, .097] higher and is the paper's "
            "order. Tried why, all from .473 on the same scenes: the true masks in their place change as little (+.005 "
            "[-.056, .066]), and so do ten times the attention weight (-.023 [-.082, .036]; under the true masks -.007 "
            "[-.062, .048]), a fifth of the rate (-.007 [-.043, .029]) and no attention loss (-.031 [-.093, .031]). So "
            "it is not the estimates: maps of 16x16 latents, averaged over all layers, show no more, whatever the "
            "handles learn",
        ),
        FidelityNote(
            "labels of the CRF",
            "'a stack of binary masks for each image through a softmax'; hyper-parameters from CutLER",
            "two labels per concept: softmax of the stack [1 - m, m], CutLER's ten iterations and weights",
            "this is the stack that CutLER's numbers belong to",
        ),
        FidelityNote(
            "side at which the CRF runs",
            "silent; CutLER's pictures are 480 pixels wide",
            "at most 128 pixels, CutLER's widths in proportion, at least one pixel; a mask it would erase stays",
            "one mask at 512 pixels takes seconds, at 128 about .07, half of it for terms of the picture, which are "
            "made once; the losses read masks at 64 and 16",
        ),
        FidelityNote(
            "masks of which nothing is left at 16x16",
            "silent",
            "equation 4 leaves these concepts out of the step",
            "it would teach their handles to be attended to nowhere",
        ),
        FidelityNote(
            "weights while tokens and masks alternate",
            "'tokens given the masks' and later 'we update the model weights'",
            "handles alone; weights in the last phase, masks fixed",
            "'Finally, we optimize the tokens and parameters of the model jointly keeping the mask fixed'",
        ),
        FidelityNote(
            "inversion",
            "'inversion without masking for a fixed number of iterations', instead of CLIP's words",
            "100 steps on the handles, from the class words, with the plain diffusion loss",
            "a random start would make the comparison one of luck; no number is given",
        ),
        FidelityNote(
            "augmentation",
            "'w/ aug', not said which",
            "flips, half of the steps",
            "Break-A-Scene's code has only these",
        ),
        FidelityNote(
            "pixels of two masks",
            "silent",
            "may belong to both",
            "each concept is binarised and refined on its own, as the equations are written",
        ),
    )

    masks: Annotated[
        Literal["re-estimated", "fixed", "given"], "latent and updated each step, latent and kept, or the scene's own"
    ] = "re-estimated"
    estimation: Annotated[
        Literal["after-step", "in-step"],
        "later masks from a pass over the text of all concepts after each update, or from the step's own pass",
    ] = "after-step"
    init: Annotated[Literal["class", "inversion"], "handles start from class words, or are inverted first"] = "class"
    inversion_steps: Annotated[int, "steps of the inversion", Field(ge=1)] = 100
    initial_word: Annotated[str | None, "a word that all handles start from, else each from its class word"] = None
    times: Annotated[int, "random diffusion times that the first masks average", Field(ge=1)] = 50
    threshold: Annotated[float, "of a map stretched to [0, 1]", Field(gt=0, lt=1)] = 0.5
    momentum: Annotated[float, "share of what was in the running mean of maps", Field(ge=0, lt=1)] = 0.96
    crf: Annotated[bool, "refine masks by DenseCRF (needs the extra crf)"] = True
    phase1_steps: Annotated[int, "steps that alternate handles and masks", Field(ge=0)] = 400
    phase2_steps: Annotated[int, "steps on handles and all weights", Field(ge=0)] = 400
    phase1_learning_rate: Annotated[float, "learning rate of phase 1", Field(gt=0, le=1)] = 5e-4
    phase2_learning_rate: Annotated[float, "learning rate of phase 2", Field(gt=0, le=1)] = 2e-6
    attention_weight: Annotated[float, "weight of equation 4; 0: without the loss", Field(ge=0, le=1e3)] = 0.01
    masked: Annotated[bool, "confine the diffusion loss to the masks (equation 3)"] = True
    flip: Annotated[float, "share of steps that see the scene mirrored", Field(ge=0, le=1)] = 0.0

    def recipe(self) -> Recipe:
        """The phases, with masks that are estimated anew in every fit."""
        return self._recipe(ExpectationMaximization(self._rule()))

    def missing_requirements(self) -> str | None:
        """The CRF's library, if it is needed and not installed."""
        if self.masks == "given":
            return None
        try:
            self._rule().check()
        except UserError as error:
            return str(error)
        return None

    def fit(self, scene: Scene, context: MethodContext) -> FitState:
        """Learn handles, masks and weights; the fit records are the latent masks' IoU with the true ones, step by step.

        Raises `UserError` without pydensecrf2, unless `crf` is off.
        """
        if self.masks == "given":
            return super().fit(scene, context)
        from bench.diffusion.em.fits import fit  # noqa: PLC0415 - torch is slow to import

        return fit(self._recipe, self._rule(), scene, context)

    def begin_fits(self, scenes: Sequence[Scene], contexts: Sequence[MethodContext]) -> Sequence[FitState | Exception]:
        """Alternate on the scenes' handles and masks as rows of one batch; each scene has masks of its own."""
        if self.masks == "given":
            return super().begin_fits(scenes, contexts)
        from bench.diffusion.em.fits import begin_fits  # noqa: PLC0415 - torch is slow to import

        return begin_fits(self._recipe, self._rule(), scenes, contexts)

    def end_fit(self, begun: FitState, scene: Scene, context: MethodContext) -> FitState:
        """Learn the weights with the masks fixed; the fit records are those of `fit`."""
        if self.masks == "given":
            return super().end_fit(begun, scene, context)
        from bench.diffusion.em.fits import end_fit  # noqa: PLC0415 - torch is slow to import

        return end_fit(self._recipe, self._rule(), begun, scene, context)

    def _rule(self) -> MaskRule:
        return MaskRule(self.times, self.threshold, self.momentum, DenseCrf() if self.crf else None)

    def _recipe(self, learning: ExpectationMaximization) -> Recipe:
        given = self.masks == "given"
        joint = Phase("everything", self.phase2_steps, self.phase2_learning_rate)
        return Recipe(
            phases=(
                *([self._handles_phase(self.inversion_steps, unmasked)] if self.init == "inversion" else []),
                self._alternating_phase(learning),
                joint if given else replace(joint, draw=learning.hold),
            ),
            samples=SceneSamples("uniform", flip=self.flip),
            optimiser=PAPER_ADAM,
            initialiser="mean",
            initial_word=self.initial_word,
            masked=self.masked,
            attention=AttentionLoss(self.attention_weight, "mean") if self.attention_weight else None,
            layers=None if given else every_layer,
            given_masks=given,
        )

    def _alternating_phase(self, learning: ExpectationMaximization) -> Phase:
        """The phase on the handles, under the masks as `masks` and `estimation` say."""
        if self.masks == "given":
            return self._handles_phase(self.phase1_steps, None)
        if self.masks == "fixed":
            return self._handles_phase(self.phase1_steps, learning.hold)
        if self.estimation == "in-step":
            return self._handles_phase(self.phase1_steps, learning.learn_and_expect)
        return replace(self._handles_phase(self.phase1_steps, learning.learn), after_step=learning.expect)

    def _handles_phase(self, steps: int, draw: Callable[[Any], Callable[[], Any]] | None) -> Phase:
        return Phase("handles", steps, self.phase1_learning_rate, draw=draw)
