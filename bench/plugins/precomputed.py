"""Methods whose pictures exist already: controls and imported pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from bench.core.hashing import content_hash, pixel_hash
from bench.core.images import read_picture
from bench.core.scenes import Dataset, ImageArray, Prompt, Scene
from bench.plugins.method import MethodContext, PrecomputedImage, Request

if TYPE_CHECKING:
    from bench.plugins.method import FitState


class PrecomputedImages(ABC):
    """A method that learns and draws nothing: it returns an existing picture for every prompt."""

    picture_side: ClassVar[int | None] = None
    """Each picture keeps its own size."""

    @abstractmethod
    def precomputed(self, dataset: Dataset) -> Mapping[str, Mapping[Prompt, PrecomputedImage]]:
        """The picture of every prompt of the dataset, by the scene's name."""

    def fit(self, scene: Scene, context: MethodContext) -> FitState:  # noqa: ARG002 - the protocol's
        """Learn nothing."""
        context.on_step(1, 1)
        return {}

    def generate(
        self,
        state: FitState,  # noqa: ARG002 - the protocol's
        scene: Scene,  # noqa: ARG002 - the protocol's
        requests: Sequence[Request],
        context: MethodContext,
    ) -> Iterator[ImageArray]:
        """The requested pictures, in order, uint8 [H, W, 3], each in its own size; the noise is ignored."""
        for request in requests:
            yield context.precomputed[request.prompt].read()


def precomputed_pixels(picture: ImageArray) -> PrecomputedImage:
    """A picture in memory as a `PrecomputedImage`."""
    return PrecomputedImage(pixel_hash(picture), partial(_same, picture))


def precomputed_file(path: Path) -> PrecomputedImage:
    """A picture file as a `PrecomputedImage`, read lazily; raises `UserError` if it cannot be read."""
    return PrecomputedImage(content_hash(path), partial(read_picture, path))


def _same(picture: ImageArray) -> ImageArray:
    return picture
