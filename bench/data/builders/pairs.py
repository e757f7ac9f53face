"""Builds CLiC's task as a dataset: a source with a marked concept, and a target with the region to put it in."""

from __future__ import annotations

import csv
import os
import re
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
_COLUMNS = ("group", *_SIDES)


@dataclass(frozen=True)
class TransferPair:
    """A source and a target, folders with a picture, a mask and objects.txt each; `place` says where it was named."""

    group: str
    title: str
    source: Path
    target: Path
    place: str

    @property
    def name(self) -> str:
        """The scene's name: `furniture-chair-to-table`."""
        return f"{self.group}-{self.title}"

    @property
    def sides(self) -> dict[str, Path]:
        """Its two folders by name."""
        return dict(zip(_SIDES, (self.source, self.target), strict=True))

    def missing(self) -> list[str]:
        """The missing files, in words."""
        return [
            f"{side}/{part}"
            for side, folder in self.sides.items()
            for part, pattern in (("img.jpg", "img.*"), ("mask0.png", "mask0.png"), (OBJECTS, OBJECTS))
            if not any(folder.glob(pattern))
        ]

    def files(self) -> list[Path]:
        """All its files, in a fixed order."""
        return sorted(file for folder in self.sides.values() for file in folder.iterdir() if file.is_file())


@dataclass(frozen=True)
class PairsBuilder:
    """A dataset from folders `GROUP/NAME/source` and `GROUP/NAME/target`, each with a picture, a mask, objects.txt.

    `folder` holds them, or is a list of pairs as `listed_pairs` reads it. `options` is what the manifest records.
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
            picture = read_upright(picture_of(pair.source))
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
        files += [self.folder] if self.folder.is_file() else []
        sources = {self._named(file): content_hash(file) for file in files}
        named = self.folder.with_suffix("") if self.folder.is_file() else self.folder
        return DatasetSpec("pairs", scene_name(named), self.size, self.options, sources)

    def _named(self, file: Path) -> str:
        """A file's path from the folder of all pairs, or from that of their list."""
        return Path(os.path.relpath(file, self.folder.parent if self.folder.is_file() else self.folder)).as_posix()

    def _pictures(self, pairs: Iterable[TransferPair]) -> Iterator[tuple[str, SceneRecord]]:
        """Both pictures of every pair by their paths in the folder, each with its record."""
        for pair in pairs:
            for side in _SIDES:
                record = self._scene(pair, side)
                yield self._named(pair.sides[side] / record.file_name), record

    def _source(self, pair: TransferPair) -> SceneRecord:
        record = self._scene(pair, "source")
        if len(record.masks) != 1:
            raise UserError(f"{pair.source} has {count(len(record.masks), 'mask')}; a pair has one concept: mask0.png")
        return replace(record, name=pair.name, prompts=self.plan.prompts(pair.name, 1))

    def _beside(self, pair: TransferPair) -> dict[str, bytes]:
        record, folder = self._scene(pair, "target"), pair.target
        picture = crop_picture(read_upright(picture_of(folder)), record.square, self.size)
        (word, *_) = read_objects(folder, record.classes)
        prompt = f"a photo of {with_article(word)} with {handle(0)} style\n"
        return {TARGET: picture_png(picture), TARGET_MASK: mask_png(record.mask(0)), PROMPT: prompt.encode()}

    def _scene(self, pair: TransferPair, side: str) -> SceneRecord:
        return FolderBuilder(self.folder, self.size, background=False, plan=self.plan).record(pair.sides[side])


def find_pairs(place: Path) -> list[TransferPair]:
    """The pairs of a folder, in the order of their names, or those of a list, in its order.

    Raises `UserError` for another layout, an unknown group, two pairs of one name, and a pair that lacks a part.
    """
    pairs = listed_pairs(place) if place.is_file() else _pairs_of_folder(place)
    for pair in pairs:
        _check_group(pair.group, pair.place)
        if pair.missing():
            raise UserError(f"{pair.place} lacks {', '.join(pair.missing())}: a pair needs a picture, a mask and "
                            f"{OBJECTS} (the class word of the whole thing) on both sides")  # fmt: skip
    names = [pair.name for pair in pairs]
    if twice := [pair for pair in pairs if names.count(pair.name) > 1]:
        raise UserError(f"{twice[-1].place}: another pair is called {twice[-1].name} too; give each its own name")
    return pairs


def listed_pairs(file: Path) -> list[TransferPair]:
    """The pairs of a CSV with the columns `group`, `source` and `target`, and `name` if you like.

    `source` and `target` are folders as seen from the CSV's; one folder may be in several pairs. Without a name a pair
    is called after both folders. Raises `UserError` for a file that is no such CSV.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream, restval=""))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"cannot read {file} as CSV: {error}") from error
    lacking = [name for name in _COLUMNS if rows and name not in rows[0]]
    if lacking or not rows:
        told = f"no column {lacking[0]}" if lacking else "no pair"
        raise UserError(f"{file} has {told}; its columns are {', '.join(_COLUMNS)} and, if you like, name")
    return [_listed(file, number, row) for number, row in enumerate(rows, 2)]


def _listed(file: Path, line: int, row: Mapping[str, str]) -> TransferPair:
    """The pair of a line of the list."""
    source, target = (file.parent / row[side].strip() for side in _SIDES)
    title = re.sub(r"[^A-Za-z0-9_-]+", "-", row.get("name") or "").strip("-")
    title = title or f"{scene_name(source)}-to-{scene_name(target)}"
    return TransferPair(row["group"].strip(), title, source, target, f"{file}, line {line}")


def _pairs_of_folder(folder: Path) -> list[TransferPair]:
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder")
    groups = [child for child in sorted(folder.iterdir()) if child.is_dir()]
    for group in groups:
        _check_group(group.name, str(folder))
    found = [child for group in groups for child in sorted(group.iterdir()) if child.is_dir()]
    if not found:
        raise UserError(f"{folder} has no pair: write GROUP/NAME/source and GROUP/NAME/target ({', '.join(GROUPS)})")
    return [
        TransferPair(pair.parent.name, scene_name(pair), pair / "source", pair / "target", str(pair)) for pair in found
    ]


def _check_group(group: str, place: str) -> None:
    if group not in GROUPS:
        raise UserError(f"{place} has the group '{group}'; the groups are {', '.join(GROUPS)}")
