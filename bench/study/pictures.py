"""The picture files of a study: pixels alone, under names that tell nothing."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from bench.core.files import write_bytes
from bench.core.images import read_picture
from bench.core.scenes import ImageArray, Scene

SUFFIX = ".webp"
LOSSLESS = 256
"""Pictures up to this side are kept exactly."""
QUALITY = 95
"""Of WebP for larger ones, the same for every method."""
GREY = 127
"""What surrounds a marked concept: as far from black objects as from white ones."""


def write_picture(folder: Path, token: str, picture: ImageArray) -> None:
    """Write a picture uint8 [H, W, 3] as WebP; nothing of the file that it comes from is left but its pixels."""
    image = Image.fromarray(picture)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=max(image.size) <= LOSSLESS, quality=QUALITY)
    write_bytes(folder / f"{token}{SUFFIX}", buffer.getvalue())


def copy_pictures(run: Path, files: Iterable[tuple[str, str]], folder: Path) -> None:
    """Write the run's pictures, (token, file within the run), each once, in the tokens' order: times tell nothing.

    Raises `UserError` for one that is missing or damaged.
    """
    for token, file in sorted(dict(files).items()):
        write_picture(folder, token, read_picture(run / file))


def marked_alone(scene: Scene, concepts: Sequence[int]) -> ImageArray:
    """The scene's pictures of these concepts side by side, all but the concepts grey, uint8 [H, n W, 3].

    A concept without a mask has its picture whole.
    """
    numbers = sorted({scene.concepts[index].picture for index in concepts})
    shown = []
    for number in numbers:
        masks = [scene.concepts[index].mask for index in concepts if scene.concepts[index].picture == number]
        union = np.any(masks, axis=0) if all(mask.any() for mask in masks) else np.ones_like(masks[0])
        shown.append(np.where(union[:, :, None], scene.pictures[number], np.uint8(GREY)))
    return np.concatenate(shown, axis=1)
