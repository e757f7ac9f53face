"""Writes a dataset's folder atomically."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.core.errors import UserError
from bench.core.files import whole_folder
from bench.core.hashing import pixel_hash
from bench.core.images import mask_png, picture_png
from bench.core.progress import progress_bar
from bench.core.scenes import ImageArray
from bench.data.contact_sheet import ContactSheet
from bench.data.load import load_dataset, picture_file
from bench.data.manifest import MANIFEST, DatasetSpec, Manifest, SceneRecord, check_manifest, read_manifest

SHEET = "sheet.png"
_TOLD = 3


@dataclass(frozen=True, eq=False)
class RenderedScene:
    """A scene's picture [size, size, 3], the hash of the source it was cropped from, and files to write beside it.

    `more` are the scene's further pictures.
    """

    picture: ImageArray
    source_sha256: str
    beside: Mapping[str, bytes] = field(default_factory=dict)
    more: tuple[RenderedScene, ...] = ()


def is_built(out: Path, spec: DatasetSpec, *, pictures: bool = True) -> bool:
    """Whether `out` already holds this dataset, intact; False if it is empty or missing.

    Raises `UserError` if it holds anything else, or lacks pictures that are needed.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    if not (out / MANIFEST).is_file():
        raise UserError(f"{out} exists and does not hold a dataset; choose another --out")
    existing = read_manifest(out / MANIFEST)
    different = spec.differences(existing.spec)
    if different:
        told = "; ".join(different[:_TOLD]) + ("; ..." if len(different) > _TOLD else "")
        raise UserError(f"{out} holds another dataset: {told}. Choose another --out, or remove it")
    if pictures or existing.has_pictures:
        load_dataset(out)
    return True


def write_manifest(out: Path, manifest: Manifest) -> None:
    """Write a folder with the manifest alone; raises `UserError` for one that could not be read again."""
    check_manifest(out / MANIFEST, manifest)
    with whole_folder(out) as folder:
        (folder / MANIFEST).write_bytes(manifest.encode())


def write_dataset(out: Path, manifest: Manifest, draw: Callable[[SceneRecord], RenderedScene]) -> Manifest:
    """Write manifest, pictures, masks and contact sheet; returns the manifest with the hashes of the pixels.

    Raises `UserError` if it could not be read again, there is no space left or the folder cannot be written; then
    nothing is written.
    """
    check_manifest(out / MANIFEST, manifest)
    scenes: list[SceneRecord] = []
    sheet = ContactSheet(sum(1 + len(scene.more) for scene in manifest.scenes))
    with whole_folder(out) as folder, progress_bar("pictures", len(manifest.scenes)) as progress:
        for record in manifest.scenes:
            drawn = draw(record)
            scenes.append(_hashed(record, drawn))
            _write_scene(folder, record, drawn)
            for number, one in enumerate((drawn, *drawn.more)):
                sheet.add(record, one.picture, number)
            progress.advance()
        written = replace(manifest, scenes=tuple(scenes))
        (folder / SHEET).write_bytes(sheet.png())
        (folder / MANIFEST).write_bytes(written.encode())
    return written


def _hashed(record: SceneRecord, drawn: RenderedScene) -> SceneRecord:
    """The record with the hashes of its pictures' pixels."""
    more = tuple(
        replace(one, source_sha256=further.source_sha256, picture_sha256=pixel_hash(further.picture))
        for one, further in zip(record.more, drawn.more, strict=True)
    )
    hashed = pixel_hash(drawn.picture)
    return replace(record, source_sha256=drawn.source_sha256, picture_sha256=hashed, more=more)


def _write_scene(folder: Path, record: SceneRecord, drawn: RenderedScene) -> None:
    file = picture_file(folder, record.name)
    file.parent.mkdir(parents=True)
    for number, one in enumerate((drawn, *drawn.more)):
        picture_file(folder, record.name, number).write_bytes(picture_png(one.picture))
    for name, content in drawn.beside.items():
        (file.parent / name).write_bytes(content)
    for number in range(len(record.masks)):
        if not record.mask(number).any():  # a scene whose masks nobody knows
            continue
        (file.parent / f"mask{number}.png").write_bytes(mask_png(record.mask(number)))
