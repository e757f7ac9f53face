"""What a method is to the engine: two verbs, `fit` and `generate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from bench.core.scenes import Dataset, ImageArray, Prompt, Scene
from bench.plugins.backbone import Backbone

if TYPE_CHECKING:
    import torch

FitState: TypeAlias = "Mapping[str, torch.Tensor]"
"""What a fit learned, by name: all that `generate` needs besides the backbone; saved as safetensors."""


FitRecords: TypeAlias = Sequence[Mapping[str, str | int | float]]
"""What a fit tells of itself, for people and reports: rows that all have the same columns."""


def _forget(_notes: FitRecords) -> None:
    """Whoever works a method without an engine need not keep its notes."""


INCIDENTAL = {"incidental": True}
"""`metadata` of a field that cannot change a result, such as where a folder lies: it is in no key."""


@dataclass(frozen=True, eq=False)
class PrecomputedImage:
    """A picture that need not be drawn: a hash of its content, and how to read it."""

    content: str
    read: Callable[[], ImageArray]


@dataclass(frozen=True)
class MethodContext:
    """What the engine hands to a method: the loaded backbone and how this unit is to be worked.

    Everything random in a fit derives from `fit_seed`. `batch_size` is how many pictures to
    draw at once (never changes what is drawn beyond rounding). `budget` names an entry of the backbone's `budgets`.
    `on_step(done, total)` reports progress. `record` keeps what the fit tells of itself besides what it learned;
    a method calls it once, at the end of `fit`, or never. `run_seed` is the run's, the same for all units, and
    `shared` a folder for what they have in common, such as prior-preservation pictures (None: no folder). `precomputed`
    are the scene's pictures of a method that `ProvidesImages`.
    """

    backbone: Backbone
    fit_seed: int
    batch_size: int
    budget: str
    on_step: Callable[[int, int], None]
    record: Callable[[FitRecords], None] = _forget
    run_seed: int = 0
    shared: Path | None = None
    precomputed: Mapping[Prompt, PrecomputedImage] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One picture to draw: its prompt and the seed of its initial noise (the same for every method)."""

    prompt: Prompt
    noise_seed: int


@dataclass(frozen=True)
class FidelityNote:
    """A row of a method's fidelity ledger: something that its sources leave open or contradict each other in.

    What is to be chosen, what the sources say, what is done here, and why. A method's rows are its class's
    `ledger`.
    """

    choice: str
    sources: str
    here: str
    why: str


class Method(Protocol):
    """A drop-in of `methods/`: a frozen dataclass called `Method`, whose fields are its configuration.

    A class attribute `control = True` says that it is a control, such as the real picture: reports show it, and do not
    take it for the method that others are compared with.
    """

    def fit(self, scene: Scene, context: MethodContext) -> FitState:
        """Learn the scene's concepts; the backbone is pristine at the start and may be changed freely.

        Returns tensors by name; anything else fails the unit.
        """
        ...

    def generate(
        self, state: FitState, scene: Scene, requests: Sequence[Request], context: MethodContext
    ) -> Iterator[ImageArray]:
        """Draw the requested pictures, in order; the backbone is pristine at the start.

        One numpy array a request, uint8 [side, side, 3], with the backbone's resolution as the side unless the method
        `DeclaresPictureSide`; anything else fails the unit.
        """
        ...


@runtime_checkable
class ProvidesImages(Protocol):
    """A method that takes its pictures from outside its scene: from other scenes of the dataset, or from files."""

    def precomputed(self, dataset: Dataset) -> Mapping[str, Mapping[Prompt, PrecomputedImage]]:
        """The picture of every prompt, by the scene's name; raises `UserError` if the dataset has not what it needs.

        Asked once, when a run is planned; `MethodContext.precomputed` has the scene's own. Their hashes are in the
        fit's key, so that a picture that was changed is scored anew.
        """
        ...


@runtime_checkable
class ChecksConfiguration(Protocol):
    """A method that can tell before any work whether it can be run as it is configured."""

    def check_configuration(self) -> None:
        """Raise an error that says what is wrong, if anything is."""
        ...


@runtime_checkable
class DeclaresPictureSide(Protocol):
    """A method whose pictures have a size of their own; all others draw at the backbone's resolution."""

    @property
    def picture_side(self) -> int | None:
        """The side of its square pictures in pixels; None if they may have any size."""
        ...


@runtime_checkable
class HasFingerprint(Protocol):
    """A method whose results depend on files besides its own source, such as checkpoints of its own."""

    def fingerprint(self) -> str:
        """A hash of these files, which goes into the fit's identity; raises `UserError` if they are not there."""
        ...


@runtime_checkable
class GeneratesPrior(Protocol):
    """A method whose fit may draw pictures, as for prior preservation."""

    @property
    def generates_prior(self) -> bool:
        """Whether it does, as it is configured: then the sampler's steps and guidance are in the fit's identity."""
        ...


@runtime_checkable
class PreservesPrior(Protocol):
    """A method that may be trained on pictures of a text that names no handle (prior preservation)."""

    @property
    def prior_text(self) -> str | None:
        """That text, as the method is configured; None without prior preservation.

        Prompts that say the same are then no new context for the method, and reports flag them.
        """
        ...


@runtime_checkable
class HasRequirements(Protocol):
    """A method that cannot run everywhere."""

    def missing_requirements(self) -> str | None:
        """What it needs and this machine lacks, and how to get it, in one line; None if it can run."""
        ...
