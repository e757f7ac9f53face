"""Small copies of a run's pictures in a report's folder: made once, and taken over when the report is written again."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
from PIL import Image

from bench.core.errors import UserError
from bench.core.images import opened
from bench.core.progress import progress_bar
from bench.core.scenes import ImageArray, Scene
from bench.reporting.images import AS_IS, MarkedConcept, marked_concepts, side_by_side, with_masks

THUMBNAILS = "thumbnails"
"""The folder of the pictures' thumbnails, inside the report's."""
INPUTS = "inputs"
"""The folder of the scenes' pictures, plain and with masks."""
INPUT_SIDE = 512
"""Most rows of a scene's picture, in pixels."""
_QUALITY = {"quality": 80, "method": 2}
_MOST_THREADS = 8


@dataclass(frozen=True)
class Thumbnail:
    """A picture's copy: its address as seen from the page, its size in bytes, and whether it is smaller in pixels."""

    address: str
    size: int
    reduced: bool


@dataclass(frozen=True)
class InputPicture:
    """A scene's picture, plain and with its concepts outlined, as addresses seen from the page.

    `wide` is its width over its height: above 1 where the scene has several pictures, which stand side by side.
    """

    plain: str
    outlined: str
    wide: float
    concepts: tuple[MarkedConcept, ...]


def write_thumbnails(run: Path, files: Iterable[str], out: Path, side: int) -> dict[str, Thumbnail | None]:
    """Put a copy of each picture (`files`, relative to the run's folder) into `out`; None for what cannot be read.

    PNGs of at most `AS_IS` pixels are copied as they are, others become WebP of at most `side`. A copy that an earlier
    report of the run has is taken over if it decodes, has the right size and is not older than the picture.
    """
    names, work = list(dict.fromkeys(files)), _Copying(run, out / THUMBNAILS, side, _earlier(run, out))
    work.folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Thumbnail | None] = {}
    with progress_bar("thumbnails", len(names)) as bar, ThreadPoolExecutor(_threads()) as pool:
        for name, thumbnail in zip(names, pool.map(work.copy, names), strict=True):
            found[name] = thumbnail
            bar.advance()
    return found


def write_inputs(scenes: Sequence[Scene], out: Path) -> tuple[InputPicture, ...]:
    """Write the picture of each scene into `out`, plain and with its concepts outlined."""
    (out / INPUTS).mkdir(parents=True, exist_ok=True)
    return tuple(_input(side_by_side(scene), f"{number:04d}", out) for number, scene in enumerate(scenes))


@dataclass(frozen=True)
class _Copying:
    """What the copying of every picture needs; `earlier` are folders that may have the copy already."""

    run: Path
    folder: Path
    side: int
    earlier: tuple[Path, ...]

    def copy(self, file: str) -> Thumbnail | None:
        source = self.run / file
        try:
            with opened(source) as image:
                size, kept = image.size, image.format == "PNG" and max(image.size) <= AS_IS
            wanted = size if kept else _reduced(size, self.side)
            name = f"{Path(file).stem}.{'png' if kept else 'webp'}"
            content = self._found(name, wanted, source) or _encoded(source, self.side, kept)
        except UserError:
            return None
        (self.folder / name).write_bytes(content)
        return Thumbnail(f"{THUMBNAILS}/{quote(name)}", len(content), wanted != size)

    def _found(self, name: str, size: tuple[int, int], source: Path) -> bytes | None:
        """The copy of an earlier report, if it is there and right."""
        for file in (folder / name for folder in self.earlier):
            with contextlib.suppress(UserError, OSError):
                if file.stat().st_mtime < source.stat().st_mtime:
                    continue
                content = file.read_bytes()
                with opened(file, content) as image:
                    image.load()
                    if image.size == size:
                        return content
        return None


def _earlier(run: Path, out: Path) -> tuple[Path, ...]:
    """The folders with thumbnails of this run: those of all its reports, whatever the preset, and that of `out`."""
    return (*sorted((run / "report").glob(f"*/{THUMBNAILS}")), out / THUMBNAILS)


def _threads() -> int:
    return min(os.cpu_count() or 1, _MOST_THREADS)


def _reduced(size: tuple[int, int], side: int) -> tuple[int, int]:
    """The size with its longer side at most `side`."""
    longer = max(size)
    if longer <= side:
        return size
    return max(1, round(size[0] * side / longer)), max(1, round(size[1] * side / longer))


def _encoded(source: Path, side: int, kept: bool) -> bytes:
    """The bytes of a thumbnail; the picture is decoded also where it stays as it is, to see that it is whole."""
    content = source.read_bytes()
    with opened(source, content) as image:
        image.load()
        return content if kept else _webp(image.convert("RGB"), side)


def _webp(image: Image.Image, side: int) -> bytes:
    buffer = io.BytesIO()
    image.resize(_reduced(image.size, side), Image.Resampling.LANCZOS).save(buffer, "WEBP", **_QUALITY)
    return buffer.getvalue()


def _input(scene: Scene, name: str, out: Path) -> InputPicture:
    marked = any(concept.mask.any() for concept in scene.concepts)
    views = {name: scene.picture, f"{name}-masks": with_masks(scene) if marked else scene.picture}
    plain, outlined = (_write_view(view, f"{INPUTS}/{file}", out) for file, view in views.items())
    height, width = scene.picture.shape[:2]
    return InputPicture(plain, outlined, width / height, marked_concepts(scene))


def _write_view(picture: ImageArray, name: str, out: Path) -> str:
    """Write a picture at most `INPUT_SIDE` high: small ones as PNG, pixel for pixel; returns its address."""
    height, width = picture.shape[:2]
    image = Image.fromarray(np.ascontiguousarray(picture))
    if height <= AS_IS:
        image.save(out / f"{name}.png", optimize=True)
        return f"{name}.png"
    longest = round(INPUT_SIDE * max(width / height, 1))
    (out / f"{name}.webp").write_bytes(_webp(image, longest))
    return f"{name}.webp"
