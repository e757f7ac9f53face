"""The base model's pictures for the evaluation, by text and number, stored so that none is drawn twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product
from pathlib import Path

import numpy as np
from PIL import Image

from bench.core.device import Hardware, drawing_precision
from bench.core.files import write_whole
from bench.core.hashing import bytes_hash
from bench.core.progress import progress_bar
from bench.core.scenes import ImageArray, with_article
from bench.core.seeds import seed_from
from bench.diffusion.backbone.checkpoint import BackboneSpec, weights_hash
from bench.diffusion.backbone.loading import load_backbone
from bench.diffusion.sampling.sampler import DrawJob, draw
from bench.playroom.evaluate.common import HELD_OUT
from bench.playroom.world.captions import describe
from bench.playroom.world.contexts import CONTEXTS
from bench.playroom.world.toys import CLASSES, COLOUR_PAIRS, COLOURS, MOTIFS, ToyIdentity
from bench.plugins.backbone import Backbone
from bench.plugins.backbone_settings import read_settings

BATCH = 16


@dataclass(frozen=True)
class SampleRequest:
    """A picture to draw: its text, and its index among the pictures of that text."""

    text: str
    number: int


@dataclass(frozen=True)
class SampleText:
    """A text of the evaluation and its request: toys (by class, or by appearance as well) and a context."""

    toys: tuple[ToyIdentity | str, ...]
    context: str

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the toys."""
        return tuple(toy if isinstance(toy, str) else toy.class_name for toy in self.toys)

    @property
    def text(self) -> str:
        """The prompt, such as "a photo of a mug and a red duck at the beach"."""
        words = [toy if isinstance(toy, str) else describe(toy) for toy in self.toys]
        return f"a photo of {' and '.join(map(with_article, words))} {self.context}"


@dataclass(frozen=True)
class CachedGenerator:
    """The pipeline in a folder, with the settings of its `scenebench.json`, and a cache of its pictures."""

    pipeline: Path
    hardware: Hardware
    pictures: Path

    @cached_property
    def backbone(self) -> Backbone:
        """The loaded pipeline; raises `UserError` if there is none."""
        return load_backbone(BackboneSpec(str(self.pipeline)), self.hardware)

    @cached_property
    def content(self) -> str:
        """A hash of everything that determines a picture besides its request: weights, sampler, precision."""
        sampler = read_settings(self.pipeline).sampler
        precision = drawing_precision(self.hardware.precision)
        text = f"{weights_hash(self.pipeline)} {sampler.steps} {sampler.guidance} {precision}"
        return bytes_hash(text.encode())[:20]

    def draw(self, requests: Sequence[SampleRequest], what: str) -> list[ImageArray]:
        """The pictures of the requests, in order; cached ones are read. `what` labels the progress bar."""
        missing = [request for request in dict.fromkeys(requests) if not self._file(request).is_file()]
        if missing:
            with self.hardware.computing(), progress_bar(what, len(missing)) as progress:
                jobs = [DrawJob(each.text, seed_from(exam=each.text, number=each.number)) for each in missing]
                for request, picture in zip(missing, draw(self.backbone, jobs, BATCH), strict=True):
                    write_whole(self._file(request), Image.fromarray(picture).save)
                    progress.advance()
        return [_read(self._file(request)) for request in requests]

    def _file(self, request: SampleRequest) -> Path:
        name = bytes_hash(f"{request.number} {request.text}".encode())[:20]
        return self.pictures / self.content / f"{name}.png"


def one_toy(seeds: int) -> list[tuple[SampleText, SampleRequest]]:
    """`seeds` pictures of "a photo of a CLASS CONTEXT" for every class and context."""
    return _numbered((SampleText((name,), context) for name, context in product(CLASSES, CONTEXTS)), seeds)


def two_toys(seeds: int) -> list[tuple[SampleText, SampleRequest]]:
    """`seeds` pictures of every pair of classes, in either order by turns, in contexts by turns."""
    pairs = enumerate(combinations(CLASSES, 2))
    return _numbered((SampleText(pair[:: 1 - 2 * (k % 2)], CONTEXTS[k % len(CONTEXTS)]) for k, pair in pairs), seeds)


def named_appearances(seeds: int) -> list[tuple[SampleText, SampleRequest]]:
    """`seeds` pictures of each class in each motif, every picture with colours of its own, in contexts by turns."""
    return _numbered(_appearance(seeds), 1)


def _appearance(seeds: int) -> Iterator[SampleText]:
    rng = np.random.default_rng([HELD_OUT, 10])
    for k, (name, motif, _) in enumerate(product(CLASSES, MOTIFS, range(seeds))):
        first, second = COLOUR_PAIRS[rng.integers(len(COLOUR_PAIRS))]
        if motif == "plain":
            first = second = str(rng.choice(list(COLOURS)))
        yield SampleText((ToyIdentity(name, first, second, motif),), CONTEXTS[k % len(CONTEXTS)])


def _numbered(texts: Iterator[SampleText], seeds: int) -> list[tuple[SampleText, SampleRequest]]:
    return [(asked, SampleRequest(asked.text, number)) for asked in texts for number in range(seeds)]


def _read(file: Path) -> ImageArray:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))
