"""The inputs of an edit: the source scene with its concepts, the target picture and its region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.core.errors import UserError
from bench.core.geometry import centred_square
from bench.core.images import crop_mask, crop_picture
from bench.core.scenes import Concept, ImageArray, Mask, Scene
from bench.data.builders.folder import picture_of, read_folder_scene, read_upright
from bench.data.builders.mask_file import read_mask
from bench.data.load import load_dataset
from bench.data.manifest import MANIFEST

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True, eq=False)
class Target:
    """The picture to edit, uint8 [s, s, 3], and the regions to repaint, each bool [s, s]; none: one is to be found."""

    picture: ImageArray
    masks: tuple[Mask, ...]


def read_source(folder: Path, side: int) -> Scene:
    """The scene in a folder: one of a built dataset's `scenes/`, or the user's own (`img.jpg`, `mask0.png`, ...).

    A built one has its dataset's size; the user's own is cropped to the centred square and resized to `side`.

    Raises `UserError` if it is neither, or if part of it is missing or damaged.
    """
    dataset = folder.resolve().parent.parent
    if folder.resolve().parent.name == "scenes" and (dataset / MANIFEST).is_file():
        found = {scene.name: scene for scene in load_dataset(dataset).scenes}
        if folder.resolve().name in found:
            return found[folder.resolve().name]
    if (folder / MANIFEST).is_file():
        names = ", ".join(sorted(child.name for child in (folder / "scenes").glob("*"))[:6])
        raise UserError(f"{folder} is a whole dataset; name one of its scenes: {folder / 'scenes'}/NAME ({names}, ...)")
    return read_folder_scene(folder, side)


def read_square(path: Path, side: int) -> ImageArray:
    """A picture file, upright, cropped to the centred square and resized to `side`.

    Raises `UserError` for a file that is missing, truncated or not a picture.
    """
    picture = read_upright(path)
    return crop_picture(picture, centred_square(picture.shape[1], picture.shape[0]), side)


def read_target(picture: Path, masks: Sequence[Path], side: int) -> Target:
    """The target and its masks, cropped alike; a mask is white inside and has the picture's size.

    Raises `UserError` for files that cannot be read, do not fit together, or leave no region in the crop.
    """
    square = read_square(picture, side)
    height, width = read_upright(picture).shape[:2]
    return Target(square, tuple(_read_region(mask, height, width, side) for mask in masks))


def _read_region(mask: Path, height: int, width: int, side: int) -> Mask:
    pixels = read_mask(mask)
    if pixels.shape != (height, width):
        said = f"{pixels.shape[1]} x {pixels.shape[0]}"
        raise UserError(f"{mask} is {said} pixels, its picture is {width} x {height}: make them equal")
    region = crop_mask(pixels, centred_square(width, height), side)
    if not region.any():
        raise UserError(f"{mask}: nothing of the mask is left in the centred square crop at {side} pixels")
    return region


def read_sharing(source: Path, others: Path, side: int) -> tuple[ImageArray, ...]:
    """The source's `img.jpg` first, then every picture of the folder `others`, at `side` pixels.

    Raises `UserError` if there is no other picture or one cannot be read.
    """
    files = [file for file in sorted(others.iterdir()) if file.suffix.lower() in PICTURE_SUFFIXES]
    files = [file for file in files if not _is_mask(file)]
    if not files:
        raise UserError(f"{others} has no picture; --shared names a folder of pictures that share the concept")
    return tuple(read_square(file, side) for file in (picture_of(source), *files))


def named_concepts(scene: Scene, text: str) -> tuple[Concept, ...]:
    """The scene's concepts whose handles occur in the text.

    Raises `UserError` if it names none.
    """
    named = tuple(concept for concept in scene.concepts if concept.handle in text)
    if not named:
        raise UserError(f"--prompt '{text}' names no handle of the source; it has {handles(scene.concepts)}")
    return named


def handles(concepts: Sequence[Concept]) -> str:
    """The handles of a scene with their class words, for messages: `[v1] (cat), [v2] (umbrella)`."""
    return ", ".join(f"{concept.handle} ({concept.label})" for concept in concepts)


def _is_mask(file: Path) -> bool:
    return file.stem.startswith("mask")
