"""Mutations of files, whatever they hold."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random


def mutate_file(rng: Random, file: Path) -> str:
    """Damage a file, or put something else in its place."""
    how = rng.choice(list(_WAYS))
    _WAYS[how](rng, file)
    return f"{file.name}: {how}"


def _truncated(rng: Random, file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: rng.randrange(max(1, len(content)))])


def _garbled(rng: Random, file: Path) -> None:
    content = bytearray(file.read_bytes())
    for _ in range(min(len(content), rng.choice((1, 1, 5, 50)))):
        content[rng.randrange(len(content))] = rng.randrange(256)
    file.write_bytes(bytes(content))


def _cut(rng: Random, file: Path) -> None:
    content = file.read_bytes()
    start = rng.randrange(max(1, len(content)))
    file.write_bytes(content[:start] + content[start + rng.choice((1, 10, 100)) :])


def _random_bytes(rng: Random, file: Path) -> None:
    file.write_bytes(rng.randbytes(rng.choice((1, 10, 1000))))


def _folder(_: Random, file: Path) -> None:
    remove(file)
    file.mkdir()


def _loop(_: Random, file: Path) -> None:
    remove(file)
    file.symlink_to(file.name)


def _dangling(_: Random, file: Path) -> None:
    remove(file)
    file.symlink_to("nowhere")


def remove(path: Path) -> None:
    """Remove a file or a folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


_WAYS: dict[str, Callable[[Random, Path], None]] = {
    "missing": lambda _, file: remove(file),
    "empty": lambda _, file: file.write_bytes(b"") and None,
    "truncated": _truncated,
    "garbled": _garbled,
    "a part missing": _cut,
    "random bytes": _random_bytes,
    "twice": lambda _, file: file.write_bytes(file.read_bytes() * 2) and None,
    "not UTF-8": lambda _, file: file.write_bytes(b"\xff\xfe" + file.read_bytes()) and None,
    "with NULs": lambda _, file: file.write_bytes(file.read_bytes() + b"\0" * 100) and None,
    "a folder": _folder,
    "a link to itself": _loop,
    "a link to nothing": _dangling,
    "unreadable": lambda _, file: file.chmod(0),
}
