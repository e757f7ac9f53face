"""RealFill as CLiC compares with it: a token and the cross-attention of an inpainting UNet learn a concept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from bench.api import (
    ADAM,
    INCIDENTAL,
    Backbone,
    FidelityNote,
    FitState,
    Hole,
    ImageArray,
    MethodContext,
    Phase,
    Recipe,
    RecipeMethod,
    Scene,
    SceneSamples,
    Trained,
    Tunable,
)
from bench.diffusion.inpainting.checkpoint import fingerprint

if TYPE_CHECKING:
    from torch import Tensor

    from bench.api import Objective


@dataclass(frozen=True)
class Method(RecipeMethod):
    """RealFill (Tang et al. 2023) as adapted in CLiC, section 4.2, for `bench edit`: the target's region is a hole.

    An inpainting UNet, which reads the picture around a hole, learns the concepts under RealFill's random holes. In
    `bench run` and `bench generate` the whole picture is the hole. `realfill` is the public program as it is.
    """

    summary: ClassVar[str] = "inpainting UNet: token and cross-attention under random holes, to fill a region"
    source: ClassVar[str] = "Tang et al. 2023 (RealFill); CLiC, section 4.2; holes of thuanz123/realfill"
    tunable: ClassVar[Tunable] = Tunable({"learning_rate": (1.25e-6, 8e-5)}, ("steps",))
    ledger: ClassVar[tuple[FidelityNote, ...]] = (
        FidelityNote(
            "which RealFill",
            "RealFill: LoRA in all attention layers and in the text encoder, 'a photo of sks'; CLiC (4.2): the concept "
            "'delineated by the mask' is learned by 'the cross-attention blocks' and a token, code not released",
            "CLiC's: K and V of the cross-attention and v*, as CLiC trains them for itself",
            "it is what CLiC's Figure 7 and Table 1 compare with; the public program is `realfill`",
        ),
        FidelityNote(
            "inpainting UNet",
            "both: Stable Diffusion's inpainting model (9 input channels)",
            "`inpainting` names its pipeline, whose UNet takes the place of the backbone's; without it the backbone's "
            "own is widened by input weights of 0, which are then trained on the source with all of that layer",
            "Stable Diffusion Inpainting began so, but went on over millions of pictures: derived from a source "
            "alone, the UNet has hardly learned to look at what is around a hole: a trial, no comparison",
        ),
        FidelityNote(
            "holes in training",
            "RealFill: random masks; code: 1 to 29 boxes or all but them, everything in a tenth; CLiC: not said",
            "the code's",
            "CLiC names RealFill's random masks and no others",
        ),
        FidelityNote(
            "where the loss counts",
            "RealFill: everywhere in a reference; CLiC: 'the concept delineated by the mask', no formula",
            "inside the concept's mask, in and outside of holes; a mean over all elements",
            "else the token would learn all of the source; squared norms are read as means throughout",
        ),
        FidelityNote(
            "texts",
            "RealFill's code: the empty text in a tenth of the steps, drawn with guidance 1; CLiC: not said",
            "'a photo of v*' in every step, drawn with the run's guidance; v* begins as the class word",
            "the guidance's empty text is to stay the base model's, as for every method here",
        ),
        FidelityNote(
            "steps and learning rate",
            "RealFill's README: 2000 at 2e-4 (LoRA) and 4e-5; CLiC: 500 at 1e-5 for its own, nothing said of this one",
            "500 at 1e-5, Adam",
            "the same weights are trained as by `clic`",
        ),
        FidelityNote(
            "several concepts",
            "CLiC: one concept per fit",
            "one concept, chosen at random, in each step",
            "as `clic`",
        ),
        FidelityNote(
            "augmentation",
            "RealFill's code: crops of the picture enlarged by up to an eighth; CLiC: not said",
            "none",
            "as `clic`",
        ),
        FidelityNote(
            "sampler and seam",
            "infer.py: DDPM, 200 steps; the hole is widened by a pixel and blurred, the picture put back around it; "
            "CLiC: 'the Stable Diffusion inpainting pipeline'",
            "the run's DDIM, all steps; the target's pixels stay outside the hole, with the soft seam of `bench edit`",
            "transfers are compared on the same noise, and outside the region an edit changes nothing",
        ),
        FidelityNote(
            "pictures without a hole",
            "neither draws any",
            "in `bench run` and `bench generate` the whole picture is the hole, as in a tenth of the training steps",
            "so it is a text-to-image model, as the inpainting model itself",
        ),
    )

    steps: Annotated[int, "training steps", Field(ge=0)] = 500
    learning_rate: Annotated[float, "learning rate of cross-attention and handles", Field(gt=0, le=1)] = 1e-5
    initial_word: Annotated[str | None, "a word that all handles start from, else each from its class word"] = None
    inpainting: Annotated[
        str, "folder or hub id of a Stable Diffusion inpainting pipeline; without it one is derived from the backbone"
    ] = field(default="", metadata=INCIDENTAL)

    def recipe(self) -> Recipe:
        """One phase, with the inpainting input too where it has learned nothing yet."""
        trains: Trained = "cross-attention" if self.inpainting else "cross-attention-and-input"
        return Recipe(
            phases=(Phase(trains, self.steps, self.learning_rate, objective=self._begin),),
            samples=SceneSamples("uniform", flip=0.0, single=1.0),
            optimiser=ADAM,
            initialiser="mean",
            initial_word=self.initial_word,
            masked=True,
        )

    def fingerprint(self) -> str:
        """What the UNet is besides the backbone's; raises `UserError` if the inpainting pipeline is not available."""
        return fingerprint(self.inpainting)

    def fit(self, scene: Scene, context: MethodContext) -> FitState:
        """Make the UNet an inpainting one and learn the concepts."""
        self._make_inpainting(context.backbone)
        return super().fit(scene, context)

    def load_state(self, state: FitState, scene: Scene, backbone: Backbone) -> None:
        """Make a restored backbone's UNet an inpainting one and load a fit; until it is shown more, all is hole."""
        self._make_inpainting(backbone)
        super().load_state(state, scene, backbone)

    def fill(self, backbone: Backbone, hole: Hole, on_step: Callable[[int, int], None]) -> ImageArray:
        """The hole's picture with its region filled; outside of it no pixel changes."""
        from bench.diffusion.inpainting.fill import fill  # noqa: PLC0415 - torch is slow to import

        return fill(backbone, hole, on_step)

    def _begin(self, objective: Objective) -> Callable[[], Tensor]:
        from bench.diffusion.inpainting.training import begin  # noqa: PLC0415 - torch is slow to import

        return begin(objective)

    def _make_inpainting(self, backbone: Backbone) -> None:
        from bench.diffusion.inpainting.unet import make_inpainting  # noqa: PLC0415 - torch is slow to import

        make_inpainting(backbone, self.inpainting)
