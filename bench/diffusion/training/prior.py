"""Prior-preservation pictures: drawn by the original backbone from a class prompt (DreamBooth, 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from PIL import Image

from bench.core.errors import UserError
from bench.core.files import write_whole
from bench.core.hashing import digest
from bench.core.images import read_picture
from bench.core.scenes import Concept, ImageArray
from bench.core.seeds import seed_from
from bench.diffusion.sampling.sampler import DrawJob, draw
from bench.plugins.backbone import Backbone

CLASS = "{class}"
BATCH = 4
"""The fixed batch size of drawing (official train.py:687-719), so that rounding is the same in every run."""

_DRAWN: WeakKeyDictionary[Backbone, dict[str, dict[int, ImageArray]]] = WeakKeyDictionary()


def class_text(text: str, noun: str) -> str:
    """The prior's text of a class: `a photo of {class}` and `a cat` -> `a photo of a cat`."""
    return text.replace(CLASS, noun)


def class_texts(text: str, concepts: Sequence[Concept]) -> tuple[str, ...]:
    """The distinct texts of a prior's text for the classes of these concepts."""
    return tuple(dict.fromkeys(class_text(text, concept.noun) for concept in concepts))


@dataclass(frozen=True, eq=False)
class PriorImages:
    """The first `count` prior pictures of a text: made once per backbone, text, sampler and seed.

    All scenes and methods use the same ones. They are stored in the `folder`, which belongs to runs of one backbone;
    without a folder, in this process only. They are drawn with the backbone's sampler; the official code uses the
    checkpoint's default one.
    """

    backbone: Backbone
    text: str
    count: int
    seed: int
    folder: Path | None = None

    @property
    def missing(self) -> int:
        """How many are still to be drawn: a multiple of the batch size."""
        return -(-self.count // BATCH) * BATCH - self._whole_batches()

    def pictures(self, on_picture: Callable[[], None]) -> tuple[ImageArray, ...]:
        """All of them, uint8 [H, W, 3], by the original backbone; `on_picture` is called for each new one."""
        start = self._whole_batches()
        jobs = [DrawJob(self.text, self._noise_seed(index)) for index in range(start, start + self.missing)]
        for index, picture in enumerate(draw(self.backbone, jobs, BATCH), start):
            self._keep(index, picture)
            on_picture()
        return tuple(self._read(index) for index in range(self.count))

    def _whole_batches(self) -> int:
        """The number of existing pictures, up to `count` and without those of an interrupted batch."""
        wanted = -(-self.count // BATCH) * BATCH
        there = next((index for index in range(wanted) if not self._is_there(index)), wanted)
        return there // BATCH * BATCH

    def _noise_seed(self, index: int) -> int:
        return seed_from(prior=self.text, index=index, seed=self.seed)

    @property
    def _key(self) -> str:
        sampler = self.backbone.settings.sampler
        return digest({"text": self.text, "seed": self.seed, "sampler": asdict(sampler)})

    @property
    def _memory(self) -> dict[int, ImageArray]:
        return _DRAWN.setdefault(self.backbone, {}).setdefault(self._key, {})

    def _file(self, folder: Path, index: int) -> Path:
        return folder / self._key / f"{index:05}.png"

    def _is_there(self, index: int) -> bool:
        return index in self._memory if self.folder is None else self._file(self.folder, index).is_file()

    def _keep(self, index: int, picture: ImageArray) -> None:
        if self.folder is None:
            self._memory[index] = picture
        else:
            write_whole(self._file(self.folder, index), Image.fromarray(picture).save)

    def _read(self, index: int) -> ImageArray:
        if self.folder is None:
            return self._memory[index]
        path = self._file(self.folder, index)
        try:
            return read_picture(path)
        except UserError as error:
            raise UserError(f"{path} is damaged ({error}); delete it: `bench run` draws it again") from error
