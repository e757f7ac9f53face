"""All hashing: of files, folders, pictures, scenes and plain data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bench.core.errors import UserError
from bench.core.scenes import ImageArray, Scene

_MODEL_FILES = ("*.safetensors", "*.json", "*.txt")


def digest(content: Any) -> str:
    """The first 20 hexadecimal digits of the SHA-256 of `content` as canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return bytes_hash(text.encode())[:20]


def scene_digest(scene: Scene) -> str:
    """A hash of a scene's pixels, masks, class words, objects and handles; its name and prompts are not in it.

    What is rare (objects, further pictures, soft masks) is in it only where it is there.
    """
    content = hashlib.sha256()
    for picture in scene.pictures:
        content.update(repr(picture.shape).encode() + picture.tobytes())
    for concept in scene.concepts:
        part = [] if concept.object == concept.label else [concept.object]
        place = [concept.picture] if concept.picture else []
        content.update(json.dumps([concept.label, concept.handle, *part, *place]).encode())
        content.update(np.packbits(concept.mask).tobytes())
        if concept.soft is not None:
            content.update(b"soft" + concept.soft.tobytes())
    return content.hexdigest()[:20]


def content_hash(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits; one that keeps its size and time is read once per process.

    Raises `UserError` if it cannot be read.
    """
    try:
        status = path.stat()
        return _content_hash(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error


@cache
def _content_hash(path: Path, _size: int, _time: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_hash(folder: Path, left_out: Collection[str] = ()) -> str:
    """SHA-256 over names and contents of a model's weights and configurations, 40 hexadecimal digits.

    Sub-folders are included, files whose names are in `left_out` are not. Raises `UserError` if a file cannot be read.
    """
    content = hashlib.sha256()
    for file in sorted(path for pattern in _MODEL_FILES for path in folder.rglob(pattern)):
        if file.name not in left_out:
            content.update(f"{file.relative_to(folder).as_posix()}\n".encode())
            content.update(bytes.fromhex(content_hash(file)))
    return content.hexdigest()[:40]


def bytes_hash(content: bytes) -> str:
    """SHA-256 of bytes, 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def pixel_hash(picture: ImageArray) -> str:
    """The SHA-256 of a decoded picture: its height, width and RGB pixels."""
    height, width = picture.shape[:2]
    return bytes_hash(f"{height}x{width}:".encode() + picture.tobytes())
