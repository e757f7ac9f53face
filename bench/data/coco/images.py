"""Finds and reads COCO's pictures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from bench.data.coco.index import points_outside
from bench.core.errors import UserError
from bench.core.scenes import Picture

_NAMED = 3


def places(coco: Path, split: str) -> tuple[Path, ...]:
    """Where pictures of a split may lie: `COCO/<split>/`, `COCO/images/<split>/`, `COCO/images/`."""
    return coco / split, coco / "images" / split, coco / "images"


def find_picture(coco: Path, split: str, file_name: str) -> Path | None:
    """The picture's file, if it is there.

    Raises `UserError` for a name that points outside the image folder.
    """
    if points_outside(split) or points_outside(file_name):
        raise UserError(f"the picture '{file_name}' of split '{split}' lies outside the image folder")
    return next((folder / file_name for folder in places(coco, split) if (folder / file_name).is_file()), None)


def find_pictures(coco: Path, wanted: Sequence[tuple[str, str]]) -> list[Path]:
    """The files of all wanted (split, file_name).

    Raises `UserError` that counts the missing ones, names the first and says where they were looked for.
    """
    found = [find_picture(coco, split, name) for split, name in wanted]
    missing = [key for key, path in zip(wanted, found, strict=True) if path is None]
    if missing:
        looked = ", ".join(str(folder) for folder in places(coco, missing[0][0]))
        names = ", ".join(name for _, name in missing[:_NAMED]) + (", ..." if len(missing) > _NAMED else "")
        raise UserError(f"{len(missing)} of {len(wanted)} pictures are missing: {names}; looked in {looked}")
    return [path for path in found if path is not None]


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The picture file, open; what goes wrong while it is decoded is told in one line.

    Raises `UserError` for a file that is missing, truncated or no picture.
    """
    try:
        with Image.open(path) as image:
            yield image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"cannot read the picture {path}: it is missing, truncated or no picture ({error})") from error


def read_picture(path: Path) -> Picture:
    """The decoded picture as RGB, as it is stored (COCO's annotations count its pixels so).

    Raises `UserError` for a file that is missing, truncated or no picture.
    """
    with opened(path) as image:
        return np.asarray(image.convert("RGB"), dtype=np.uint8)
