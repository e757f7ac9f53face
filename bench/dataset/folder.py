"""One's own pictures with masks, in the layout of the official Break-A-Scene code, as scenes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from bench.coco.geometry import Square, centred_square
from bench.coco.images import opened
from bench.coco.masks import counts_text
from bench.dataset.manifest import Identity, Manifest, MaskRecord, Option, SceneRecord
from bench.dataset.pixels import crop_mask, crop_picture, pixel_hash
from bench.dataset.prompts import PromptPlan
from bench.dataset.remarks import say
from bench.dataset.writer import SHEET, Drawn, is_built, write_dataset
from bench.errors import UserError
from bench.scenes import BACKGROUND, Mask, Picture

UNLABELLED = "object"
"""The class word of a concept without `labels.txt`."""
MOST_MASKS = 8
"""Prompts go through all subsets of the concepts: more would make thousands a scene."""

_MASK = re.compile(r"mask(\d+)\.png", re.IGNORECASE)
_PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png")
_HALF = 128


@dataclass(frozen=True)
class FolderRecipe:
    """A dataset from a folder that is a scene (`img.jpg`, `mask0.png`, ...) or holds several such folders.

    `background` adds the complement of all masks as a concept; `options` is what the manifest records.
    """

    folder: Path
    size: int
    background: bool
    plan: PromptPlan
    options: Mapping[str, Option] = field(default_factory=dict)

    def build(self, out: Path) -> None:
        """Crop to the centred square, resize, write; prints the number of prompts and where to look.

        Raises `UserError` for a bad picture, mask or list of labels; then nothing is written.
        """
        if self.size < 16:
            raise UserError(f"--size {self.size}: a picture needs at least 16 pixels a side")
        folders = scene_folders(self.folder)
        identity = self._identity(folders)
        if is_built(out, identity):
            say(f"already built: {out}")
            return
        scenes = {scene_name(folder): (folder, self._record(folder)) for folder in folders}
        if len(scenes) != len(folders):
            raise UserError(f"two scenes of {self.folder} have the same name; rename one of the folders")

        def draw(record: SceneRecord) -> Drawn:
            picture = read_upright(picture_of(scenes[record.name][0]))
            return Drawn(crop_picture(picture, record.square, self.size), pixel_hash(picture))

        manifest = write_dataset(out, Manifest(identity, tuple(record for _, record in scenes.values())), draw)
        say(f"{len(manifest.scenes)} scenes, {manifest.prompts:,} prompts a method")
        say(f"wrote {out}; look at {out / SHEET}")

    def _identity(self, folders: Sequence[Path]) -> Identity:
        files = [file for folder in folders for file in sorted(folder.iterdir()) if _is_input(file)]
        root = self.folder.resolve()
        sources = {file.resolve().relative_to(root).as_posix(): _sha256(file) for file in files}
        return Identity("folder", scene_name(self.folder), self.size, self.options, sources)

    def _record(self, folder: Path) -> SceneRecord:
        """The scene of a folder; the hashes of its pixels are not known yet."""
        file = picture_of(folder)
        picture = read_upright(file)
        height, width = picture.shape[:2]
        square = centred_square(width, height)
        files = mask_files(folder)
        masks = [self._mask(one, (height, width), square) for one in files]
        labels = read_labels(folder, len(masks))
        if self.background:
            masks, labels = [*masks, _complement(folder, masks)], [*labels, BACKGROUND]
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
            prompts=self.plan.prompts(scene_name(folder), len(masks)),
        )

    def _mask(self, file: Path, shape: tuple[int, int], square: Square) -> Mask:
        mask = read_mask(file)
        if mask.shape != shape:
            said = f"{mask.shape[1]} x {mask.shape[0]}"
            raise UserError(f"{file} is {said} pixels, its picture is {shape[1]} x {shape[0]}: make them equal")
        cropped = crop_mask(mask, square, self.size)
        if not cropped.any():
            raise UserError(f"{file}: nothing of the mask is left in the centred square crop at {self.size} pixels")
        return cropped


def scene_folders(folder: Path) -> list[Path]:
    """The folder itself if it holds `img.jpg` (or .jpeg, .png), else those of its folders that do.

    Raises `UserError` if there are none.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder")
    if _pictures(folder):
        return [folder]
    found = [child for child in sorted(folder.iterdir()) if child.is_dir() and _pictures(child)]
    if not found:
        raise UserError(f"{folder} has no scene: a scene is a folder with img.jpg, mask0.png, mask1.png, ...")
    return found


def scene_name(folder: Path) -> str:
    """The folder's name, made safe as a file name."""
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
    """`mask0.png`, `mask1.png` and so on.

    Raises `UserError` if there is none, one is left out, or there are more than `MOST_MASKS`.
    """
    found = {int(match[1]): file for file in folder.iterdir() if (match := _MASK.fullmatch(file.name))}
    if not found:
        raise UserError(f"{folder} has no mask0.png: every concept needs a mask, white inside and black outside")
    if sorted(found) != list(range(len(found))):
        gap = next(number for number in range(len(found)) if number not in found)
        raise UserError(f"{folder} has no mask{gap}.png, but has mask{max(found)}.png: number the masks from 0")
    if len(found) > MOST_MASKS:
        raise UserError(f"{folder} has {len(found)} masks; at most {MOST_MASKS} concepts a scene are supported")
    return [found[number] for number in range(len(found))]


def read_labels(folder: Path, masks: int) -> list[str]:
    """The class words of `labels.txt`, one a line in the masks' order; `object` for each without that file.

    Raises `UserError` if it cannot be read as text or has not one word for each mask.
    """
    file = folder / "labels.txt"
    if not file.is_file():
        return [UNLABELLED] * masks
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {file} as text: {error}") from error
    labels = [line for line in lines if line]
    if len(labels) != masks:
        raise UserError(f"{file} has {len(labels)} labels for {masks} masks; write one line for each mask")
    return labels


def read_upright(path: Path) -> Picture:
    """The picture as one sees it, RGB: a camera's note of rotation is obeyed.

    Raises `UserError` for a file that is missing, truncated or no picture.
    """
    with opened(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"), dtype=np.uint8)


def read_mask(path: Path) -> Mask:
    """The mask in a picture's channel 0, as the official code reads it, at least half white.

    Grey, RGB, RGBA and palette pictures; a palette's colours count, not its numbers. The official code does
    not look at the alpha channel, so a mask that lies only there is refused rather than guessed at.

    Raises `UserError` for an empty mask, and for a file that is missing, truncated or no picture.
    """
    with opened(path) as image:
        pixels = _channels(image)
    mask = pixels[:, :, 0] >= _HALF
    if not mask.any():
        raise UserError(f"{path}: the mask is empty{_hint(pixels)}")
    return np.asarray(mask, dtype=np.bool_)


def _channels(image: Image.Image) -> npt.NDArray[np.uint8]:
    """The pixels as bytes [height, width, channels], the colours of a palette in place of its numbers."""
    if image.mode.startswith("I;16"):
        return (np.asarray(image) >> 8).astype(np.uint8)[:, :, None]
    known = {"L": "L", "1": "L", "LA": "LA", "RGB": "RGB"}
    pixels = np.asarray(image.convert(known.get(image.mode, "RGBA")), dtype=np.uint8)
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def _hint(pixels: npt.NDArray[np.uint8]) -> str:
    """What may have gone wrong with an empty mask."""
    highest = int(pixels[:, :, 0].max())
    alpha = pixels[:, :, -1] if pixels.shape[2] in (2, 4) else None
    if highest:
        return f": its brightest pixel is {highest} of 255; save it with 255 inside"
    if alpha is not None and alpha.any() and not alpha.all():
        return ": it seems to lie in the alpha channel; save it as white on black instead"
    if pixels.shape[2] >= 3 and pixels[:, :, 1:3].any():
        return ": its red channel, which counts, is black; save it as white on black instead"
    return ": all of it is black; paint the concept white"


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
    return _is_picture(file) or file.name == "labels.txt" or _MASK.fullmatch(file.name) is not None


def _sha256(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror or error}") from error
