"""Temporary files: one naming scheme for all writers, and the removal of those that killed processes left.

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
    """The temporary path at which this process writes the file that becomes `path`."""
    return path.with_name(f".{path.stem}.tmp-{os.getpid()}{path.suffix}")


def is_temporary(path: Path) -> bool:
    """Whether a file or folder, or one of its parent folders, is a temporary one."""
    return any(_WRITTEN.fullmatch(part) for part in path.parts)


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder in the system's temporary folder, removed when the block ends."""
    with tempfile.TemporaryDirectory(prefix=scratch_prefix(), ignore_cleanup_errors=True) as name:
        yield Path(name)


def scratch_prefix() -> str:
    """Prefix of the names that this process uses in the system's temporary folder."""
    return f"scenebench-{os.getpid()}-"


def sweep_held(folder: Path) -> None:
    """Remove all temporary files and folders anywhere below a folder.

    The caller holds the folder's lock: no other process writes there, whatever the process numbers say.
    """
    for place, folders, files in os.walk(folder):
        for name in [name for name in (*folders, *files) if _WRITTEN.fullmatch(name)]:
            _remove(Path(place) / name)
        folders[:] = [name for name in folders if not _WRITTEN.fullmatch(name)]


def sweep(folder: Path) -> None:
    """Remove the temporary files of ended processes directly in a folder that has no lock."""
    _sweep(folder, _WRITTEN)


def sweep_scratch() -> None:
    """Remove the `scratch_folder`s of ended processes."""
    _sweep(Path(tempfile.gettempdir()), _SCRATCH)


def _sweep(folder: Path, pattern: re.Pattern[str]) -> None:
    with contextlib.suppress(OSError):  # a folder that cannot be listed is another user's
        for path in list(folder.iterdir()):
            match = pattern.fullmatch(path.name)
            if match is not None and not _is_written(path, int(match["process"])):
                _remove(path)


def _is_written(path: Path, process: int) -> bool:
    """Whether the process that created it still runs; a process started later only reuses its id."""
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
