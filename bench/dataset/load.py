"""Reads a built dataset."""

from __future__ import annotations

from pathlib import Path

from bench.coco.images import read_picture
from bench.dataset.manifest import MANIFEST, SceneRecord, read_manifest
from bench.dataset.pixels import pixel_hash
from bench.errors import UserError
from bench.scenes import Concept, Dataset, Scene, handle


def load_dataset(path: Path) -> Dataset:
    """The dataset in a folder that `bench build-dataset` wrote; masks come from the manifest.

    Raises `UserError` if it is no such folder, has a manifest only, or a picture is missing or was changed.
    """
    if not (path / MANIFEST).is_file():
        raise UserError(f"{path} is no built dataset (it has no {MANIFEST}); make one with bench build-dataset")
    manifest = read_manifest(path / MANIFEST)
    if not manifest.has_pictures:
        raise UserError(
            f"{path} has a manifest only; make the pictures: bench build-dataset {manifest.identity.recipe} "
            f"--from-manifest {path / MANIFEST} --coco DIR --out ANOTHER"
        )
    return Dataset(manifest.identity.name, tuple(_scene(path, record) for record in manifest.scenes))


def dataset_hash(path: Path) -> str:
    """The hash of the whole dataset in a folder, as its manifest states it.

    Raises `UserError` as `read_manifest` does.
    """
    return read_manifest(path / MANIFEST).sha256


def picture_file(folder: Path, scene: str) -> Path:
    """Where a scene's picture lies; its masks lie beside it."""
    return folder / "scenes" / scene / "img.png"


def _scene(path: Path, record: SceneRecord) -> Scene:
    file = picture_file(path, record.name)
    picture = read_picture(file)
    if pixel_hash(picture) != record.picture_sha256:
        raise UserError(f"{file} is not the picture that was built (its pixels changed); remove {path}, build it anew")
    concepts = tuple(Concept(label, record.mask(number), handle(number)) for number, label in enumerate(record.classes))
    return Scene(record.name, picture, concepts, record.prompts)
