"""The interface of methods: two functions, `fit` and `generate`, and optional protocols."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

from bench.core.scenes import Dataset, ImageArray, Mask, Prompt, Scene
from bench.plugins.backbone import Backbone, BackboneLimits

if TYPE_CHECKING:
    import torch

FitState: TypeAlias = "Mapping[str, torch.Tensor]"
"""The tensors that a fit learned, by name: all that `generate` needs besides the backbone; saved as safetensors."""


FitRecords: TypeAlias = Sequence[Mapping[str, str | int | float]]
"""Measurements of a fit for people and reports: rows that all have the same columns."""


StepLosses: TypeAlias = "Mapping[str, torch.Tensor | float]"
"""The losses of one training step, scalars by name."""
TOTAL = "total"
"""The name of the loss that a step descends; all others are parts of it."""


Blending: TypeAlias = Literal["from-noise", "from-target"]
"""How `bench edit` begins and keeps the rest: Blended Latent Diffusion's official script, or CLiC's equation 6."""


def _forget(_notes: FitRecords) -> None:
    """Discard fit records: the default where no engine stores them."""


def _forget_losses(_phase: int, _losses: StepLosses) -> None:
    """Discard losses: the default where no engine stores them."""


INCIDENTAL = {"incidental": True}
"""`metadata` of a field that cannot change a result, such as a folder's path: it is not in the key."""


@dataclass(frozen=True, eq=False)
class PrecomputedImage:
    """A picture that need not be drawn: a hash of its content, and how to read it."""

    content: str
    read: Callable[[], ImageArray]


@dataclass(frozen=True)
class MethodContext:
    """What the engine passes to a method: the loaded backbone and the settings of this unit.

    Everything random in a fit derives from `fit_seed`. `batch_size` is how many pictures to draw at once (it changes
    pictures by rounding only). `budget` names an entry of the backbone's `budgets`. `on_step(done, total)` reports
    progress. `record` stores the fit records; a method calls it once, at the end of `fit`, or never.
    `log_losses(phase, losses)` stores the losses of a training step, step by step; phases count from 1. Tensors are
    read when the fit has ended, so a step does not wait for its device; recipes log theirs by themselves. `run_seed` is
    the same for all units of a run, and `shared` a folder for files that they share, such as prior-preservation
    pictures (None: no folder). `precomputed` are the scene's pictures of a method that `ProvidesImages`.
    """

    backbone: Backbone
    fit_seed: int
    batch_size: int
    budget: str
    on_step: Callable[[int, int], None]
    record: Callable[[FitRecords], None] = _forget
    log_losses: Callable[[int, StepLosses], None] = _forget_losses
    run_seed: int = 0
    shared: Path | None = None
    precomputed: Mapping[Prompt, PrecomputedImage] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One picture to draw: its prompt and the seed of its initial noise (the same for every method)."""

    prompt: Prompt
    noise_seed: int


@dataclass(frozen=True, eq=False)
class Hole:
    """A region to fill: a picture uint8 [s, s, 3], the region `mask` bool [s, s], what its text says, and its noise."""

    picture: ImageArray
    mask: Mask
    text: str
    noise_seed: int


@dataclass(frozen=True)
class FidelityNote:
    """A row of a method's fidelity ledger: a point where its sources are silent or contradict each other.

    The point, what the sources say, what is done here, and why. A method's rows are its class attribute `ledger`.
    """

    choice: str
    sources: str
    here: str
    why: str


@dataclass(frozen=True)
class Tunable:
    """What `bench tune` may change of a method: the method's class attribute `tunable`.

    `rates` are fields with the lowest and the highest value to try, explored on a log scale; `steps` are the fields
    that count training steps, which are scaled together.
    """

    rates: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    steps: tuple[str, ...] = ()


class Method(Protocol):
    """A drop-in of `methods/`: a frozen dataclass called `Method`, whose fields are its configuration.

    A class attribute `control = True` marks it as a control, such as the real picture: reports show it, but do not
    use it as the method that others are compared with.
    """

    def fit(self, scene: Scene, context: MethodContext) -> FitState:
        """Learn the scene's concepts; the backbone is restored before the call and may be changed freely.

        Returns tensors by name; anything else fails the unit.
        """
        ...

    def generate(
        self, state: FitState, scene: Scene, requests: Sequence[Request], context: MethodContext
    ) -> Iterator[ImageArray]:
        """Draw the requested pictures, in order; the backbone is restored before the call.

        One numpy array per request, uint8 [side, side, 3], with the backbone's resolution as the side unless the method
        `DeclaresPictureSide`; anything else fails the unit.
        """
        ...


def is_control(method: object) -> bool:
    """Whether a method says of itself that it is a control."""
    return bool(getattr(method, "control", False))


@runtime_checkable
class FitsTogether(Protocol):
    """A method that can begin the fits of several scenes together, for example as rows of one batch.

    What a scene's fit learns must not depend on which the other scenes are, only on how many.
    """

    @property
    def fits_together(self) -> bool:
        """Whether the configured method does; then the number of scenes is part of the fit's key."""
        ...

    def begin_fits(self, scenes: Sequence[Scene], contexts: Sequence[MethodContext]) -> Sequence[FitState | Exception]:
        """Begin the fits; the backbone is restored before the call and may be changed freely.

        Returns, per scene, what `end_fit` goes on from, or the exception that its fit fails with.
        """
        ...

    def end_fit(self, begun: FitState, scene: Scene, context: MethodContext) -> FitState:
        """What `fit` returns, from what was begun, in this process or another.

        The backbone is restored before the call, and the context is that with which the fit was begun.
        """
        ...


@runtime_checkable
class ProvidesImages(Protocol):
    """A method that takes its pictures from outside its scene: from other scenes of the dataset, or from files."""

    def precomputed(self, dataset: Dataset) -> Mapping[str, Mapping[Prompt, PrecomputedImage]]:
        """The picture of every prompt, by the scene's name; raises `UserError` if the dataset lacks what it needs.

        Called once, when a run is planned; `MethodContext.precomputed` has the scene's own. Their hashes are in the
        fit's key, so a changed picture is scored again.
        """
        ...


@runtime_checkable
class ProvidesImagesByScene(Protocol):
    """A method that `ProvidesImages`, whose pictures of a scene depend on no other: others may lack theirs."""

    def precomputed_of(
        self, dataset: Dataset, scenes: Collection[str]
    ) -> Mapping[str, Mapping[Prompt, PrecomputedImage]]:
        """The picture of every prompt of the scenes of these names, by the scene's name.

        Called in place of `precomputed`, with the scenes that a start asks for. Raises `UserError` as that does.
        """
        ...


@runtime_checkable
class ChecksConfiguration(Protocol):
    """A method that checks its configuration before a run starts."""

    def check_configuration(self) -> None:
        """Raise an error that explains what is wrong with the configuration, if anything is."""
        ...


@runtime_checkable
class ChecksScenes(Protocol):
    """A method that cannot learn every scene, and says so before a run starts."""

    def check_scene(self, scene: Scene, limits: BackboneLimits) -> None:
        """Raise `UserError`, one line that names the scene, if the method cannot learn it with such a backbone."""
        ...


@runtime_checkable
class DeclaresPictureSide(Protocol):
    """A method whose pictures have their own size; all others draw at the backbone's resolution."""

    @property
    def picture_side(self) -> int | None:
        """Height and width of its square pictures in pixels; None if they may have any size."""
        ...


@runtime_checkable
class HasFingerprint(Protocol):
    """A method whose results depend on files besides its source, such as its own checkpoints."""

    def fingerprint(self) -> str:
        """A hash of these files, which is part of the fit's key; raises `UserError` if they are missing."""
        ...


@runtime_checkable
class GeneratesPrior(Protocol):
    """A method whose fit may draw pictures, for example for prior preservation."""

    @property
    def generates_prior(self) -> bool:
        """Whether the configured method does; then the sampler's steps and guidance are part of the fit's key."""
        ...


@runtime_checkable
class PreservesPrior(Protocol):
    """A method that may be trained on pictures of a text without handles (prior preservation)."""

    @property
    def prior_text(self) -> str | None:
        """That text for the configured method; None without prior preservation.

        Prompts with the same text are then not a new context for the method, and reports flag them.
        """
        ...


@runtime_checkable
class ExtendsScene(Protocol):
    """A method that may learn more concepts than a scene has, such as its background."""

    def training_scene(self, scene: Scene) -> Scene:
        """The scene with all concepts that the configured method learns, those of the scene first."""
        ...


@runtime_checkable
class FillsHoles(Protocol):
    """A method that learns handles and paints regions of other pictures itself, as an inpainting model does.

    `bench edit` calls it in place of Blended Latent Diffusion.
    """

    def fill(self, backbone: Backbone, hole: Hole, on_step: Callable[[int, int], None]) -> ImageArray:
        """The hole's picture with its region filled, by a backbone into which a fit was loaded.

        Outside the region no pixel may change. `on_step(done, total)` reports progress.
        """
        ...


@runtime_checkable
class HasRequirements(Protocol):
    """A method that needs something that a machine may lack."""

    def missing_requirements(self) -> str | None:
        """What this machine lacks for it, and how to get it, in one line; None if it can run."""
        ...
