"""What travels between the driver of a run and its workers: folders as ZIP, everything else as JSON or PNG."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.core.errors import UserError
from bench.core.files import whole_folder
from bench.core.hashing import bytes_hash
from bench.core.images import opened, picture_png
from bench.core.scenes import ImageArray, Scene
from bench.plugins.method import PrecomputedImage, Request
from bench.plugins.spec import Configured
from bench.run.plan import PlannedPicture, Unit

MOST_BYTES = 64 * 2**20
"""Maximum size of a folder of drop-ins."""
_NOT_OURS = ("runs", "__pycache__")
_DATE = (1980, 1, 1, 0, 0, 0)


def pack_dataset(folder: Path) -> bytes:
    """A built dataset as a ZIP; equal folders give equal bytes."""
    return _packed(folder, sorted(path for path in folder.rglob("*") if path.is_file()))


def pack_drop_ins(folder: Path) -> bytes:
    """A folder of drop-ins as a ZIP, hidden files, runs and caches left out.

    Raises `UserError` for one that is too large to hold drop-ins alone.
    """
    files = sorted(_drop_in_files(folder))
    size = sum(file.stat().st_size for file in files)
    if size > MOST_BYTES:
        most = f"{MOST_BYTES // 2**20} MiB"
        raise UserError(f"{folder} has {size // 2**20} MiB, more than the {most} that are sent to workers; "
                        "put your drop-ins into a folder of their own")  # fmt: skip
    return _packed(folder, files)


def _drop_in_files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name in _NOT_OURS:
            continue
        if path.is_dir():
            yield from _drop_in_files(path)
        elif path.is_file():
            yield path


def _packed(folder: Path, files: Sequence[Path]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file.relative_to(folder).as_posix(), _DATE), file.read_bytes())
    return buffer.getvalue()


def unpacked(content: bytes, prefix: str) -> Path:
    """The folder of a ZIP's files, `prefix` with a hash of the content; unpacked by the first who asks.

    Raises `UserError` if it cannot be written.
    """
    folder = Path(f"{prefix}{bytes_hash(content)[:12]}")
    if not folder.is_dir():
        try:
            with whole_folder(folder) as building, zipfile.ZipFile(io.BytesIO(content)) as archive:
                archive.extractall(building)
        except UserError:
            if not folder.is_dir():  # another worker of this machine was first
                raise
    return folder


def unit_content(unit: Unit) -> dict[str, Any]:
    """A unit as JSON; pictures from outside the scene are apart, in `precomputed_content`."""
    return {
        "key": unit.key,
        "method": unit.method.spec,
        "scene": unit.scene.name,
        "run_seed": unit.run_seed,
        "fit_seed": unit.fit_seed,
        "pictures": [[picture.key, picture.request.noise_seed] for picture in unit.pictures],
        "cohort": list(unit.cohort),
    }


def precomputed_content(unit: Unit) -> list[tuple[str, bytes] | None]:
    """The hash and the PNG of each prompt's picture from outside the scene, in the order of the scene's prompts."""
    found = (unit.precomputed.get(prompt) for prompt in unit.scene.prompts)
    return (
        [None if one is None else (one.content, picture_png(one.read())) for one in found] if unit.precomputed else []
    )


def unit_from(
    content: Mapping[str, Any],
    precomputed: Sequence[tuple[str, bytes] | None],
    scenes: Mapping[str, Scene],
    methods: Mapping[str, Configured],
) -> Unit:
    """The inverse of `unit_content` and `precomputed_content`, where the dataset and the methods are known."""
    scene = scenes[content["scene"]]
    pairs = zip(scene.prompts, content["pictures"], strict=True)
    pictures = tuple(PlannedPicture(key, Request(prompt, noise_seed)) for prompt, (key, noise_seed) in pairs)
    given = zip(scene.prompts, precomputed, strict=True) if precomputed else ()
    return Unit(
        content["key"],
        methods[content["method"]],
        scene,
        content["run_seed"],
        content["fit_seed"],
        pictures,
        {prompt: _precomputed(*one) for prompt, one in given if one is not None},
        tuple(content["cohort"]),
    )


def _precomputed(content: str, png: bytes) -> PrecomputedImage:
    def read() -> ImageArray:
        with opened(Path(f"the picture {content}"), png) as image:
            return np.asarray(image.convert("RGB"), dtype=np.uint8)

    return PrecomputedImage(content, read)
