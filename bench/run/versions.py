"""The versions of what computes a run: recorded with it, and compared between machines that share one."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.core.files import read_record, write_json
from bench.core.hashing import bytes_hash, content_hash
from bench.run.folder import SCHEMA, RunFolder

PACKAGES = ("scenebench", "torch", "torchvision", "diffusers", "transformers", "numpy", "pillow")
"""Those whose version may change a picture or a score."""


@dataclass(frozen=True)
class _RecordedVersions:
    """The file's schema: the distinct sets of versions that the run was worked on with, the first first."""

    versions: list[dict[str, str]]


def versions() -> dict[str, str]:
    """What runs here: Python and the packages."""
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in PACKAGES}}


def record_versions(folder: RunFolder) -> None:
    """Add what runs here to the run's record, unless it is in it."""
    known = recorded_versions(folder)
    if (here := versions()) not in known:
        write_json(folder.versions, {"versions": [*known, here]}, SCHEMA)


def recorded_versions(folder: RunFolder) -> list[dict[str, str]]:
    """The sets of versions that the run was worked on with; none for a run of an earlier scenebench."""
    if not folder.versions.is_file():
        return []
    record: _RecordedVersions = read_record(folder.versions, SCHEMA, _RecordedVersions)
    return record.versions


def first_difference(one: Mapping[str, str], other: Mapping[str, str]) -> str | None:
    """`torch 2.15.0, torch 2.16.0`: the first version that differs; None if none does."""
    for name in dict.fromkeys((*one, *other)):
        was, now = one.get(name, "none"), other.get(name, "none")
        if was != now:
            return f"{name} {was}, {name} {now}"
    return None


@cache
def engine_hash() -> str:
    """A hash of every file of the engine and of the built-in drop-ins."""
    package = Path(__file__).parents[1]
    beside = (package.parent / kind for kind in ("methods", "datasets", "reports"))
    folders = (package, *(folder for folder in beside if (package.parent / "pyproject.toml").is_file()))
    return bytes_hash("\n".join(sorted(_hashes(folders))).encode())[:12]


def _hashes(folders: Iterable[Path]) -> Iterable[str]:
    return (f"{file.name} {content_hash(file)}" for folder in folders for file in folder.rglob("*.py"))
