"""Builds a dataset from the user's own pictures and masks, in the layout of the official Break-A-Scene code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import ImageOps

from bench.core.console import say
from bench.core.errors import UserError
from bench.core.geometry import Square, centred_square
from bench.core.hashing import content_hash, pixel_hash
from bench.core.images import crop_mask, crop_picture, crop_soft, opened, rgb
from bench.core.limits import check_side
from bench.core.scenes import BACKGROUND, ImageArray, Mask, Scene
from bench.core.text import count
from bench.data.builders.mask_file import read_mask, read_soft
from bench.data.builders.remarks import LABELS, UNLABELLED, crop_remarks, cut_remark, label_remarks
from bench.data.coco.masks import counts_text
from bench.data.edges import EdgeRecord
from bench.data.manifest import (
    DatasetSpec,
    Manifest,
    MaskRecord,
    Option,
    PictureRecord,
    SceneRecord,
    square_of,
)
from bench.data.prompts import PromptPlan
from bench.data.writer import SHEET, RenderedScene, is_built, write_dataset

OBJECTS = "objects.txt"
"""The file of the things that the concepts are parts of (CLiC), one per line; optional, as `LABELS` is."""
MOST_MASKS = 8
"""The maximum number of concepts: prompts go through all their subsets, so more would make thousands per scene."""

_MASK = re.compile(r"mask(\d+)\.png", re.IGNORECASE)
_PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class FolderBuilder:
    """A dataset from a folder that is a scene (`img.jpg`, `mask0.png`, ...) or holds several such folders.

    A scene of several pictures is a folder that holds a folder for each; its concepts are numbered through, in
    the order of the folders' names. `background` adds the complement of all masks as a concept, in each picture, which
    texts for scoring call `background_word`; `options` is what the manifest records.
    """

    folder: Path
    size: int
    background: bool
    plan: PromptPlan
    options: Mapping[str, Option] = field(default_factory=dict)
    background_word: str = BACKGROUND

    def build(self, out: Path) -> None:
        """Crop to the centred square, resize, write; prints the number of prompts and the path of the contact sheet.

        Raises `UserError` for a bad picture, mask or list of labels; then nothing is written.
        """
        check_side(self.size)
        folders = scene_folders(self.folder)
        spec = self._spec(folders)
        if is_built(out, spec):
            say(f"already built: {out}")
            return
        scenes = {scene_name(folder): (folder, self._scene(folder)) for folder in folders}
        if len(scenes) != len(folders):
            raise UserError(f"two scenes of {self.folder} have the same name; rename one of the folders")

        def draw(record: SceneRecord) -> RenderedScene:
            crops = (record.square, *(square_of(one.crop) for one in record.more))
            own, *more = map(self._drawn, picture_folders(scenes[record.name][0]), crops)
            return replace(own, more=tuple(more))

        records = tuple(record for _, record in scenes.values())
        for remark in (*label_remarks(records), *crop_remarks(self._pictures(folders, records), self.size)):
            say(remark)
        manifest = write_dataset(out, Manifest(spec, records), draw)
        say(f"{count(len(manifest.scenes), 'scene')}, {count(manifest.prompts, 'prompt')} per method")
        say(f"wrote {out}; look at {out / SHEET}")

    def _pictures(
        self, folders: Sequence[Path], records: Sequence[SceneRecord]
    ) -> Iterator[tuple[str, SceneRecord | PictureRecord]]:
        """The pictures of all scenes by their paths in the folder, each with its record."""
        for scene, record in zip(folders, records, strict=True):
            pictures: tuple[SceneRecord | PictureRecord, ...] = (record, *record.more)
            for folder, one in zip(picture_folders(scene), pictures, strict=True):
                yield (folder / one.file_name).relative_to(self.folder).as_posix(), one

    def _spec(self, folders: Sequence[Path]) -> DatasetSpec:
        pictures = [folder for scene in folders for folder in picture_folders(scene)]
        files = [file for folder in pictures for file in sorted(folder.iterdir()) if _is_input(file)]
        # of a link its own path: which mask leads to which file is what makes the scene
        sources = {file.relative_to(self.folder).as_posix(): content_hash(file) for file in files}
        return DatasetSpec("folder", scene_name(self.folder), self.size, self.options, sources)

    def _drawn(self, folder: Path, square: Square) -> RenderedScene:
        picture = read_upright(picture_of(folder))
        return RenderedScene(crop_picture(picture, square, self.size), pixel_hash(picture))

    def _scene(self, folder: Path) -> SceneRecord:
        """The scene of a folder that holds a picture, or several folders that do.

        Raises `UserError` if it would have more than `MOST_MASKS` concepts.
        """
        records = [self.record(one) for one in picture_folders(folder)]
        scene = joined(records)
        if len(records) > 1 and len(scene.classes) > MOST_MASKS:
            raise UserError(f"{folder} has {len(scene.classes)} concepts; at most {MOST_MASKS} a scene are supported")
        name = scene_name(folder)
        return replace(scene, name=name, prompts=self.plan.prompts_of(name, scene.classes))

    def record(self, folder: Path) -> SceneRecord:
        """The record of a folder with one picture, still without the hashes of its pixels."""
        file = picture_of(folder)
        picture = read_upright(file)
        height, width = picture.shape[:2]
        square = centred_square(width, height)
        files = mask_files(folder)
        masks = [self._mask(one, (height, width), square) for one in files] or self._unknown(folder)
        labels = read_labels(folder, len(masks))
        objects = read_objects(folder, labels)
        if self.background:
            masks, labels = [*masks, _complement(folder, masks)], [*labels, BACKGROUND]
            objects = [*objects, self.background_word]
        return SceneRecord(
            name=scene_name(folder),
            split="",
            image_id=None,
            annotation_ids=(),
            file_name=file.name,
            source_size=(width, height),
            crop=square.box,
            classes=tuple(labels),
            masks=tuple(MaskRecord((self.size, self.size), counts_text(mask)) for mask in masks),
            licence=None,
            url="",
            prompts=self.plan.prompts_of(scene_name(folder), labels),
            objects=() if objects == labels else tuple(objects),
            edges=self._edges(files, square, len(masks)),
            no_masks=not files,
        )

    def _unknown(self, folder: Path) -> list[Mask]:
        """An empty mask for each line of `labels.txt`: the concepts of a scene whose masks nobody knows.

        Raises `UserError` if there are too many, or the background, which is what masks leave, is asked for.
        """
        if self.background:
            raise UserError(f"{folder} has no masks, so there is no background; leave --background out")
        number = len(_lines(folder / LABELS))
        if not 0 < number <= MOST_MASKS:
            told = count(number, "concept")
            raise UserError(f"{folder / LABELS} names {told}; a scene without masks has 1 to {MOST_MASKS}")
        return [np.zeros((self.size, self.size), dtype=np.bool_)] * number

    def _edges(self, files: Sequence[Path], square: Square, concepts: int) -> tuple[EdgeRecord | None, ...]:
        """The grey edges of the mask files; a background, of no file, has none."""
        found = [EdgeRecord.of(crop_soft(read_soft(file), square, self.size)) for file in files]
        return (*found, *[None] * (concepts - len(files))) if any(found) else ()

    def _mask(self, file: Path, shape: tuple[int, int], square: Square) -> Mask:
        mask = read_mask(file)
        if mask.shape != shape:
            said = f"{mask.shape[1]} x {mask.shape[0]}"
            raise UserError(f"{file} is {said} pixels, its picture is {shape[1]} x {shape[0]}: make them equal")
        if told := cut_remark(file, mask, square):
            say(told)
        cropped = crop_mask(mask, square, self.size)
        if not cropped.any():
            raise UserError(f"{file}: nothing of the mask is left in the centred square crop at {self.size} pixels")
        return cropped


def joined(records: Sequence[SceneRecord]) -> SceneRecord:
    """Scenes of one picture each as one scene of all pictures and concepts; name and prompts are the first one's.

    Raises `UserError` if some pictures have masks and others have none.
    """
    first, *others = records
    if len({one.no_masks for one in records}) > 1:
        bare = next(one.name for one in records if one.no_masks)
        raise UserError(f"{bare} has no mask0.png, but other pictures of its scene have: mark all, or none")
    more, count = [], len(first.classes)
    for one in others:
        shows = tuple(range(count, count + len(one.classes)))
        more.append(PictureRecord(one.file_name, one.source_size, one.crop, shows))
        count += len(one.classes)
    objects = tuple(word for one in records for word in (one.objects or one.classes))
    classes = tuple(word for one in records for word in one.classes)
    return replace(
        first,
        classes=classes,
        masks=tuple(mask for one in records for mask in one.masks),
        objects=() if objects == classes else objects,
        more=tuple(more),
        edges=tuple(edge for one in records for edge in (one.edges or [None] * len(one.classes)))
        if any(one.edges for one in records)
        else (),
    )


def read_folder_scene(folder: Path, size: int) -> Scene:
    """The scene that a dataset of this folder would have, without prompts.

    Raises `UserError` for a folder that is not a scene, and for an invalid picture, mask or list of labels.
    """
    found = scene_folders(folder)
    if found != [folder]:
        raise UserError(f"{folder} holds several scenes ({', '.join(one.name for one in found[:6])}); name one of them")
    recipe = FolderBuilder(folder, size, background=False, plan=PromptPlan((), 0, "powerset", 0))
    record = recipe.record(folder)
    picture = crop_picture(read_upright(picture_of(folder)), record.square, size)
    return Scene(record.name, picture, record.concepts, no_masks=record.no_masks)


def scene_folders(folder: Path) -> list[Path]:
    """The folder itself if it holds `img.jpg` (or .jpeg, .png), else its sub-folders that are scenes.

    Raises `UserError` if there are none.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder")
    if _pictures(folder):
        return [folder]
    found = [child for child in sorted(folder.iterdir()) if child.is_dir() and picture_folders(child)]
    if not found:
        raise UserError(f"{folder} has no scene: a scene is a folder with img.jpg, mask0.png, mask1.png, ...")
    return found


def picture_folders(scene: Path) -> list[Path]:
    """The folders of a scene's pictures: itself, or those in it, by name; empty if it is not a scene."""
    if _pictures(scene):
        return [scene]
    return [child for child in sorted(scene.iterdir()) if child.is_dir() and _pictures(child)]


def scene_name(folder: Path) -> str:
    """The folder's name with characters that are unsafe in file names replaced."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", folder.resolve().name).strip("-") or "scene"


def picture_of(folder: Path) -> Path:
    """The folder's `img.jpg`, `img.jpeg` or `img.png`.

    Raises `UserError` unless there is exactly one.
    """
    found = _pictures(folder)
    if len(found) != 1:
        raise UserError(f"{folder} must have exactly one of img.jpg, img.jpeg, img.png; it has {len(found)}")
    return found[0]


def mask_files(folder: Path) -> list[Path]:
    """The mask files of a folder, in order: `mask0.png`, `mask1.png`; none if `labels.txt` names concepts without.

    Raises `UserError` if there is neither, a number is missing, or there are more than `MOST_MASKS`.
    """
    found = {int(match[1]): file for file in folder.iterdir() if (match := _MASK.fullmatch(file.name))}
    if not found and not (folder / LABELS).is_file():
        raise UserError(
            f"{folder} has no mask0.png: every concept needs a mask, white inside and black outside; for methods that "
            f"need none, name the concepts in {LABELS}, one per line"
        )
    if sorted(found) != list(range(len(found))):
        gap = next(number for number in range(len(found)) if number not in found)
        raise UserError(f"{folder} has no mask{gap}.png, but has mask{max(found)}.png: number the masks from 0")
    if len(found) > MOST_MASKS:
        raise UserError(f"{folder} has {len(found)} masks; at most {MOST_MASKS} concepts per scene are supported")
    return [found[number] for number in range(len(found))]


def read_labels(folder: Path, masks: int) -> list[str]:
    """The class words of `labels.txt`, one per line in the masks' order; without that file, `object` for each.

    Raises `UserError` if it cannot be read as text or does not have one word for each mask.
    """
    file = folder / LABELS
    return _words(file, "label", masks) if file.is_file() else [UNLABELLED] * masks


def read_objects(folder: Path, labels: Sequence[str]) -> list[str]:
    """The class words of `objects.txt`, of what each concept is a part of; without that file, the labels.

    Raises `UserError` if it cannot be read as text or does not have one word for each label.
    """
    file = folder / OBJECTS
    return _words(file, "object", len(labels)) if file.is_file() else list(labels)


def _words(file: Path, kind: str, masks: int) -> list[str]:
    words = _lines(file)
    if len(words) != masks:
        raise UserError(
            f"{file} has {count(len(words), kind)} for {count(masks, 'mask')}; write one line for each mask"
        )
    return words


def _lines(file: Path) -> list[str]:
    """The lines of a text file that are not empty; raises `UserError` if it cannot be read as text."""
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {file} as text: {error}") from error
    return [line for line in lines if line]


def read_upright(path: Path) -> ImageArray:
    """The picture as RGB, upright: rotated as its EXIF orientation says.

    Raises `UserError` for a file that is missing, truncated or not a picture.
    """
    with opened(path) as image:
        return rgb(ImageOps.exif_transpose(image))


def _complement(folder: Path, masks: Sequence[Mask]) -> Mask:
    background = ~np.logical_or.reduce(masks)
    if not background.any():
        raise UserError(f"{folder}: the masks cover the whole crop, so there is no background; leave --background out")
    return np.asarray(background, dtype=np.bool_)


def _pictures(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.iterdir()) if _is_picture(file)]


def _is_picture(file: Path) -> bool:
    return file.stem == "img" and file.suffix.lower() in _PICTURE_SUFFIXES


def _is_input(file: Path) -> bool:
    return _is_picture(file) or file.name in (LABELS, OBJECTS) or _MASK.fullmatch(file.name) is not None
