"""Builds CLiC's task as a dataset: a source with a marked concept, and a target with the region to put it in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.core.console import say
from bench.core.errors import UserError
from bench.core.hashing import content_hash, pixel_hash
from bench.core.images import crop_picture, mask_png, picture_png
from bench.core.limits import check_side
from bench.core.scenes import handle, with_article
from bench.core.text import count
from bench.data.builders.folder import OBJECTS, FolderBuilder, picture_of, read_objects, read_upright, scene_name
from bench.data.builders.remarks import crop_remarks, label_remarks
from bench.data.manifest import DatasetSpec, Manifest, Option, SceneRecord
from bench.data.prompts import PromptPlan
from bench.data.writer import SHEET, RenderedScene, is_built, write_dataset

GROUPS = ("buildings", "furniture", "jewelry", "kitchenware")
"""The object classes of CLiC's user study (section 4.2)."""
TARGET, TARGET_MASK, PROMPT = "target.png", "target_mask.png", "prompt.txt"
"""Files beside a source in a built dataset."""
_SIDES = ("source", "target")


@dataclass(frozen=True)
class TransferPair:
    """A folder `GROUP/NAME` with the folders `source` and `target`."""

    folder: Path

    @property
    def name(self) -> str:
        """The scene's name: `furniture-chair-to-table`."""
        return f"{self.folder.parent.name}-{scene_name(self.folder)}"

    def missing(self) -> list[str]:
        """The missing files, in words."""
        return [
            f"{side}/{part}"
            for side in _SIDES
            for part, pattern in (("img.jpg", "img.*"), ("mask0.png", "mask0.png"), (OBJECTS, OBJECTS))
            if not any((self.folder / side).glob(pattern))
        ]

    def files(self) -> list[Path]:
        """All its files, in a fixed order."""
        return sorted(file for side in _SIDES for file in (self.folder / side).iterdir() if file.is_file())


@dataclass(frozen=True)
class PairsBuilder:
    """A dataset from folders `GROUP/NAME/source` and `GROUP/NAME/target`, each with a picture, a mask, objects.txt.

    `options` is what the manifest records.
    """

    folder: Path
    size: int
    plan: PromptPlan
    options: Mapping[str, Option] = field(default_factory=dict)

    def build(self, out: Path) -> None:
        """Write the sources as scenes, with each one's target, its mask and the edit's prompt beside it.

        Raises `UserError` for a missing or bad part of a pair; then nothing is written.
        """
        check_side(self.size)
        pairs = {pair.name: pair for pair in find_pairs(self.folder)}
        spec = self._spec(pairs)
        if is_built(out, spec):
            say(f"already built: {out}")
            return
        records = tuple(self._source(pair) for pair in pairs.values())

        def draw(record: SceneRecord) -> RenderedScene:
            pair = pairs[record.name]
            picture = read_upright(picture_of(pair.folder / "source"))
            square = crop_picture(picture, record.square, self.size)
            return RenderedScene(square, pixel_hash(picture), self._beside(pair))

        for remark in (*label_remarks(records), *crop_remarks(self._pictures(pairs.values()), self.size)):
            say(remark)
        manifest = write_dataset(out, Manifest(spec, records), draw)
        say(
            f"{count(len(manifest.scenes), 'pair')}, {count(manifest.prompts, 'prompt')} per method "
            "for the generation task"
        )
        say(f"wrote {out}; look at {out / SHEET}")

    def _spec(self, pairs: Mapping[str, TransferPair]) -> DatasetSpec:
        files = [file for pair in pairs.values() for file in pair.files()]
        sources = {file.relative_to(self.folder).as_posix(): content_hash(file) for file in files}
        return DatasetSpec("pairs", scene_name(self.folder), self.size, self.options, sources)

    def _pictures(self, pairs: Iterable[TransferPair]) -> Iterator[tuple[str, SceneRecord]]:
        """Both pictures of every pair by their paths in the folder, each with its record."""
        for pair in pairs:
            for side in _SIDES:
                record = self._scene(pair, side)
                yield (pair.folder / side / record.file_name).relative_to(self.folder).as_posix(), record

    def _source(self, pair: TransferPair) -> SceneRecord:
        record = self._scene(pair, "source")
        if len(record.masks) != 1:
            raise UserError(
                f"{pair.folder / 'source'} has {count(len(record.masks), 'mask')}; a pair has one concept: mask0.png"
            )
        return replace(record, name=pair.name, prompts=self.plan.prompts(pair.name, 1))

    def _beside(self, pair: TransferPair) -> dict[str, bytes]:
        record, folder = self._scene(pair, "target"), pair.folder / "target"
        picture = crop_picture(read_upright(picture_of(folder)), record.square, self.size)
        (word, *_) = read_objects(folder, record.classes)
        prompt = f"a photo of {with_article(word)} with {handle(0)} style\n"
        return {TARGET: picture_png(picture), TARGET_MASK: mask_png(record.mask(0)), PROMPT: prompt.encode()}

    def _scene(self, pair: TransferPair, side: str) -> SceneRecord:
        return FolderBuilder(self.folder, self.size, background=False, plan=self.plan).record(pair.folder / side)


def find_pairs(folder: Path) -> list[TransferPair]:
    """The pairs of a folder, in the order of their names.

    Raises `UserError` if it does not have that layout, has an unknown group, or a pair lacks a part.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder")
    groups = [child for child in sorted(folder.iterdir()) if child.is_dir()]
    unknown = [group.name for group in groups if group.name not in GROUPS]
    if unknown:
        raise UserError(f"{folder} has the group '{unknown[0]}'; the groups are {', '.join(GROUPS)}")
    pairs = [TransferPair(child) for group in groups for child in sorted(group.iterdir()) if child.is_dir()]
    if not pairs:
        raise UserError(f"{folder} has no pair: write GROUP/NAME/source and GROUP/NAME/target ({', '.join(GROUPS)})")
    for pair in pairs:
        if pair.missing():
            raise UserError(f"{pair.folder} lacks {', '.join(pair.missing())}: a pair needs a picture, a mask and "
                            f"{OBJECTS} (the class word of the whole thing) on both sides")  # fmt: skip
    return pairs
