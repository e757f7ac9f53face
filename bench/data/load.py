"""Reads a built dataset."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from bench.core.errors import UserError
from bench.core.hashing import pixel_hash
from bench.core.images import opened, read_picture
from bench.core.scenes import Dataset, ImageArray, Scene
from bench.data.manifest import MANIFEST, SceneRecord, read_manifest
from bench.data.references import references


def load_dataset(path: Path) -> Dataset:
    """The dataset in a folder that `bench build-dataset` wrote; masks are read from the manifest.

    Raises `UserError` if it is not such a folder, has only a manifest, or a picture is missing or was changed.
    """
    if not (path / MANIFEST).is_file():
        raise UserError(f"{path} is not a built dataset (it has no {MANIFEST}); make one with bench build-dataset")
    manifest = read_manifest(path / MANIFEST)
    if not manifest.has_pictures:
        raise UserError(
            f"{path} has a manifest only; make the pictures: bench build-dataset {manifest.spec.recipe} "
            f"--from-manifest {path / MANIFEST} --coco DIR --out ANOTHER"
        )
    for record in manifest.scenes:
        _check_sizes(path, record, manifest.spec.size)
    return Dataset(manifest.spec.name, tuple(_scene(path, record) for record in manifest.scenes))


def dataset_hash(path: Path) -> str:
    """The hash of the whole dataset in a folder, as its manifest states it.

    Raises `UserError` as `read_manifest` does.
    """
    return read_manifest(path / MANIFEST).sha256


def picture_file(folder: Path, scene: str, number: int = 0) -> Path:
    """The file of a scene's picture (further ones by number, from 1); its masks are in the same folder."""
    return folder / "scenes" / scene / f"img{number or ''}.png"


def _check_sizes(path: Path, record: SceneRecord, size: int) -> None:
    """Compare the pictures' sides with the manifest's, before a picture or a mask is decoded."""
    for number in range(1 + len(record.more)):
        file = picture_file(path, record.name, number)
        with _told_what_to_do(path), opened(file) as image:
            found = image.size
        if found != (size, size):
            sides = f"{found[0]} x {found[1]} pixels, not {size} x {size} as the manifest says"
            raise UserError(f"{file} is of {sides}; remove {path}, build it again")


@contextlib.contextmanager
def _told_what_to_do(path: Path) -> Iterator[None]:
    try:
        yield
    except UserError as error:
        raise UserError(f"{error}; remove {path}, build it again") from error


def _scene(path: Path, record: SceneRecord) -> Scene:
    picture = _picture(path, record.name, 0, record.picture_sha256)
    more = [_picture(path, record.name, number, one.picture_sha256) for number, one in enumerate(record.more, start=1)]
    found = references(path, record.name, record.prompts)
    return Scene(record.name, picture, record.concepts, record.prompts, tuple(more), found, record.no_masks)


def _picture(path: Path, scene: str, number: int, sha256: str) -> ImageArray:
    file = picture_file(path, scene, number)
    with _told_what_to_do(path):
        picture = read_picture(file)
    if pixel_hash(picture) != sha256:
        raise UserError(f"{file} is not the picture that was built (its pixels changed); remove {path}, build it again")
    return picture
