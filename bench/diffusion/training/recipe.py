"""A method as a recipe: what is trained in which phase, on which data, under which losses."""

from __future__ import annotations

from collections.abc import Callable
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

Trained = Literal["handles", "cross-attention", "cross-attention-all", "everything"]
"""What a phase trains; the handles always are.

`cross-attention` adds the K and V projections of the UNet's cross-attention (Custom Diffusion),
`cross-attention-all` those and Q and the output (CLiC's code), `everything` the UNet and the text encoder with
its whole embedding matrix.
"""
PIECES: dict[Trained, tuple[str, ...]] = {
    "handles": (),
    "cross-attention": (".attn2.to_k.", ".attn2.to_v."),
    "cross-attention-all": (".attn2.",),
    "everything": ("unet.", "text_encoder."),
}
"""Which weights that is: those of whose name in `Backbone.parameters` a piece is a part."""
OptimiserKind = Literal["adam", "adamw"]
Reduction = Literal["mean", "sum"]
"""How the attention losses of a step's concepts become one."""


@dataclass(frozen=True)
class Phase:
    """`steps` and learning rates are the paper's; the backbone's budget scales them.

    `handle_learning_rate` is the handles' own in a phase that trains weights too (None: the weights').
    `batch` samples make a step: their gradients are averaged. `objective` makes the phase's loss, called for
    every sample, from the recipe's own; it is called once, as the phase begins, and its result may keep what
    it likes between steps, such as masks that it estimates anew (None: the recipe's losses as they are).
    """

    trains: Trained
    steps: int
    learning_rate: float
    handle_learning_rate: float | None = None
    batch: int = 1
    objective: Callable[[Objective], Callable[[], Tensor]] | None = None

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
"""Adam as its authors set it, where a paper says no more than its name."""
PAPER_ADAM = Optimiser("adam", betas=(0.9, 0.99), weight_decay=1e-8)
"""Break-A-Scene's, for itself and its baselines (B.1)."""
CODE_ADAMW = Optimiser("adamw", betas=(0.9, 0.999), weight_decay=1e-2, clip=1.0)
"""The official code's, and that of diffusers' examples of Textual Inversion, DreamBooth and Custom Diffusion."""


@dataclass(frozen=True)
class AttentionLoss:
    """The cross-attention loss: its weight, how it is reduced over the chosen concepts, which layers it reads."""

    weight: float
    reduction: Reduction
    layers: Predicate = at_16

    def __post_init__(self) -> None:
        check_field(self, "reduction", Reduction)


@dataclass(frozen=True)
class Prior:
    """Prior preservation on `pictures` pictures of `text` (DreamBooth), scaled by the backbone's budget.

    `{class}` in the text is the class word, with its article, of one of the step's concepts: so many pictures
    are drawn of each class.
    """

    text: str
    pictures: int
    weight: float


@dataclass(frozen=True)
class Recipe:
    """All that the trainer needs to know; it and its parts raise `UserError` for a word that they do not know.

    `masked` confines the diffusion loss to the concepts' masks. `layers` are recorded besides those of the
    attention loss. Without `given_masks` nothing is learned from the scene's masks, and a scene may have none.
    With `background` the complement of all concepts is learned as one more. With `detach_bos` no gradient
    flows through K and V of the text's start token.
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

    def __post_init__(self) -> None:
        check_field(self, "initialiser", Initialiser)

    @property
    def recorded(self) -> Predicate | None:
        """The layers whose cross-attention maps are kept; None if there are none."""
        wanted = [self.attention.layers] if self.attention is not None else []
        wanted += [self.layers] if self.layers is not None else []
        return (lambda layer: any(one(layer) for one in wanted)) if wanted else None

    def training_scene(self, scene: Scene) -> Scene:
        """The scene as it is learned.

        Raises `UserError` if the background is to be learned and nothing of it is left.
        """
        return with_background(scene) if self.background else scene
