"""Recipes of methods: what is trained in which phase, on which data, with which losses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from bench.core.scenes import Scene, with_background
from bench.core.validation import check_field
from bench.diffusion.backbone.terms import Initialiser, Predicate, at_16
from bench.diffusion.training.samples import CollectionSamples, SceneSamples
from bench.plugins.backbone_settings import Budget

if TYPE_CHECKING:
    from torch import Tensor

    from bench.diffusion.training.objective import Objective
    from bench.diffusion.training.rows import Rows

Trained = Literal["handles", "cross-attention", "cross-attention-and-input", "cross-attention-all", "everything"]
"""What a phase trains besides the handles, which are always trained.

`cross-attention` adds the K and V projections of the UNet's cross-attention (Custom Diffusion),
`cross-attention-and-input` those and the UNet's first convolution (an inpainting UNet that is derived from one that is
none), `cross-attention-all` K, V, Q and the output (CLiC's code), `everything` the UNet and the text encoder with
its whole embedding matrix.
"""
PIECES: dict[Trained, tuple[str, ...]] = {
    "handles": (),
    "cross-attention": (".attn2.to_k.", ".attn2.to_v."),
    "cross-attention-and-input": (".attn2.to_k.", ".attn2.to_v.", "unet.conv_in."),
    "cross-attention-all": (".attn2.",),
    "everything": ("unet.", "text_encoder."),
}
"""Parts of the names in `Backbone.parameters` of the weights that each value trains."""
OptimiserKind = Literal["adam", "adamw"]
Reduction = Literal["mean", "sum"]
"""How the attention losses of a step's concepts are reduced."""


@dataclass(frozen=True)
class Phase:
    """A training phase; `steps` and learning rates are the paper's, and the backbone's budget scales them.

    `handle_learning_rate` is the handles' own in a phase that trains weights too (None: the weights').
    A step averages the gradients of `batch` samples. `objective` makes the phase's loss, which is called for every
    sample, from the recipe's (None: the recipe's losses). `draw` makes what draws a sample's rows instead, under the
    recipe's losses, such as with masks that are estimated anew (None: `Objective.draw`). Both are called once, as the
    phase begins, and what they return may keep state between steps. `after_step` draws, from the recipe's objective,
    what passes the networks after every update, without gradients, for what its losses look at (None: nothing does).
    """

    trains: Trained
    steps: int
    learning_rate: float
    handle_learning_rate: float | None = None
    batch: int = 1
    objective: Callable[[Objective], Callable[[], Tensor]] | None = None
    draw: Callable[[Objective], Callable[[], Rows]] | None = None
    after_step: Callable[[Objective], Sequence[Rows]] | None = None

    def __post_init__(self) -> None:
        check_field(self, "trains", Trained)

    def scaled(self, budget: Budget) -> Phase:
        """This phase under a backbone's budget."""
        own = self.handle_learning_rate
        factor = budget.handle_learning_rate if self.trains == "handles" else budget.weights_learning_rate
        return replace(
            self,
            steps=budget.scaled_steps(self.steps),
            learning_rate=self.learning_rate * factor,
            handle_learning_rate=None if own is None else own * budget.handle_learning_rate,
        )


@dataclass(frozen=True)
class Optimiser:
    """Adam, or AdamW with decoupled weight decay; `clip` bounds the gradient's norm (None: not at all)."""

    kind: OptimiserKind
    betas: tuple[float, float]
    weight_decay: float
    clip: float | None = None

    def __post_init__(self) -> None:
        check_field(self, "kind", OptimiserKind)


ADAM = Optimiser("adam", betas=(0.9, 0.999), weight_decay=0.0)
"""Adam with its authors' settings, for papers that name nothing but Adam."""
PAPER_ADAM = Optimiser("adam", betas=(0.9, 0.99), weight_decay=1e-8)
"""Break-A-Scene's, for itself and its baselines (B.1)."""
ADAMW = Optimiser("adamw", betas=(0.9, 0.999), weight_decay=1e-2)
"""Of diffusers' example of Textual Inversion, which clips no gradients."""
CODE_ADAMW = replace(ADAMW, clip=1.0)
"""The official code's, and that of diffusers' examples of DreamBooth and Custom Diffusion."""


@dataclass(frozen=True)
class AttentionLoss:
    """The cross-attention loss: its weight, its reduction over the chosen concepts, and the layers that it uses."""

    weight: float
    reduction: Reduction
    layers: Predicate = at_16

    def __post_init__(self) -> None:
        check_field(self, "reduction", Reduction)


@dataclass(frozen=True)
class Prior:
    """Prior preservation on `pictures` pictures of `text` (DreamBooth), scaled by the backbone's budget.

    `{class}` in the text is the class word, with its article, of one of the step's concepts: this number of pictures
    is drawn per class.
    """

    text: str
    pictures: int
    weight: float


@dataclass(frozen=True)
class Recipe:
    """Everything that the trainer needs; a recipe and its parts raise `UserError` for unknown values.

    `masked` confines the diffusion loss to the concepts' masks. With `valid_region` the loss of the whole picture
    leaves out the latents' outermost ring and is divided by the number of cells that are left. `layers` are
    recorded besides those of the attention loss. Without `given_masks` the scene's masks are not used, and a scene
    may have none.
    With `background` the complement of all concepts is learned as one more. With `detach_bos` no gradient
    flows through K and V of the text's beginning-of-sequence (BOS) token. Handles start from `initial_word`, else each
    from its concept's class word.
    """

    phases: tuple[Phase, ...]
    samples: SceneSamples | CollectionSamples
    optimiser: Optimiser
    initialiser: Initialiser
    masked: bool
    attention: AttentionLoss | None = None
    prior: Prior | None = None
    layers: Predicate | None = None
    given_masks: bool = True
    background: bool = False
    detach_bos: bool = False
    valid_region: bool = False
    initial_word: str | None = None

    def __post_init__(self) -> None:
        check_field(self, "initialiser", Initialiser)

    @property
    def recorded(self) -> Predicate | None:
        """A predicate of the layers whose cross-attention maps are recorded; None if there are none."""
        wanted = [self.attention.layers] if self.attention is not None else []
        wanted += [self.layers] if self.layers is not None else []
        return (lambda layer: any(one(layer) for one in wanted)) if wanted else None

    @property
    def shared_phases(self) -> int:
        """How many of the first phases can train several scenes as rows of one batch.

        Those that train handles alone, under the recipe's own losses: the network is the same for every row.
        """
        own = [phase.trains != "handles" or phase.objective is not None for phase in self.phases]
        return own.index(True) if True in own else len(own)

    def training_scene(self, scene: Scene) -> Scene:
        """The scene to train on, with the background as a concept if the recipe learns it.

        Raises `UserError` if the background is to be learned and nothing of it is left.
        """
        return with_background(scene) if self.background else scene
