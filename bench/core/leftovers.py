"""Temporary files: one naming for all writers, and their removal where a start was killed before it could.

What is being written is called `.NAME.tmp-PID.SUFFIX` and lies beside what it will be; what is thrown away at once is
`scenebench-PID-...` in the system's temporary folder. PID is the number of the process that writes it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

_WRITTEN = re.compile(r"\..*\.tmp-(?P<process>\d+)(?:\..*)?", re.DOTALL)
_SCRATCH = re.compile(r"scenebench-(?P<process>\d+)-.*")
_SLACK = 2.0
"""Seconds by which the clocks of processes and of files may differ."""


def temporary_name(path: Path) -> Path:
    """Where this process writes what will be `path`."""
    return path.with_name(f".{path.stem}.tmp-{os.getpid()}{path.suffix}")


def is_temporary(path: Path) -> bool:
    """Whether a file or folder, or a folder that it lies in, is (or was) being written."""
    return any(_WRITTEN.fullmatch(part) for part in path.parts)


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder in the system's temporary one that is removed when the block ends."""
    with tempfile.TemporaryDirectory(prefix=scratch_prefix(), ignore_cleanup_errors=True) as name:
        yield Path(name)


def scratch_prefix() -> str:
    """How this process begins the names of what it puts into the system's temporary folder."""
    return f"scenebench-{os.getpid()}-"


def sweep_held(folder: Path) -> None:
    """Remove all that was being written anywhere below a folder.

    The caller holds the folder's lock: no other process writes there, whatever the process numbers say.
    """
    for place, folders, files in os.walk(folder):
        for name in [name for name in (*folders, *files) if _WRITTEN.fullmatch(name)]:
            _remove(Path(place) / name)
        folders[:] = [name for name in folders if not _WRITTEN.fullmatch(name)]


def sweep(folder: Path) -> None:
    """Remove what processes that are gone were writing directly into a folder that has no lock."""
    _sweep(folder, _WRITTEN)


def sweep_scratch() -> None:
    """Remove the `scratch_folder`s of processes that are gone."""
    _sweep(Path(tempfile.gettempdir()), _SCRATCH)


def _sweep(folder: Path, pattern: re.Pattern[str]) -> None:
    with contextlib.suppress(OSError):  # what cannot be listed is not ours to tidy
        for path in list(folder.iterdir()):
            match = pattern.fullmatch(path.name)
            if match is not None and not _is_written(path, int(match["process"])):
                _remove(path)


def _is_written(path: Path, process: int) -> bool:
    """Whether the process that began it still runs: one that started later only has its number."""
    try:
        return psutil.Process(process).create_time() <= path.lstat().st_mtime + _SLACK
    except (psutil.NoSuchProcess, FileNotFoundError, OverflowError, ValueError):
        return False
    except (psutil.Error, OSError):
        return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
