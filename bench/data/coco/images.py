"""Finds and reads COCO's pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.core.errors import UserError
from bench.core.text import count
from bench.data.coco.index import points_outside

_NAMED = 3


def places(coco: Path, split: str) -> tuple[Path, ...]:
    """The folders that may hold pictures of a split: `COCO/<split>/`, `COCO/images/<split>/`, `COCO/images/`."""
    return coco / split, coco / "images" / split, coco / "images"


def find_picture(coco: Path, split: str, file_name: str) -> Path | None:
    """The picture's file, or None.

    Raises `UserError` for a name that points outside the image folder.
    """
    if points_outside(split) or points_outside(file_name):
        raise UserError(f"the picture '{file_name}' of split '{split}' lies outside the image folder")
    return next((folder / file_name for folder in places(coco, split) if (folder / file_name).is_file()), None)


def find_pictures(coco: Path, wanted: Sequence[tuple[str, str]]) -> list[Path]:
    """The files of all wanted (split, file_name).

    Raises `UserError` that counts the missing ones, names the first and the folders that were searched.
    """
    found = [find_picture(coco, split, name) for split, name in wanted]
    missing = [key for key, path in zip(wanted, found, strict=True) if path is None]
    if missing:
        looked = ", ".join(str(folder) for folder in places(coco, missing[0][0]))
        names = ", ".join(name for _, name in missing[:_NAMED]) + (", ..." if len(missing) > _NAMED else "")
        raise UserError(f"{len(missing)} of {count(len(wanted), 'picture')} missing: {names}; looked in {looked}")
    return [path for path in found if path is not None]
