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
_REPLACED = re.compile(r"\.(?P<name>.*)\.tmp-\d+\.replaced", re.DOTALL)
_SCRATCH = re.compile(r"scenebench-(?P<process>\d+)-.*")
_SLACK = 2.0
"""Seconds by which the clocks of processes and of files may differ."""


def temporary_name(path: Path) -> Path:
    """The temporary path at which this process writes the file that becomes `path`."""
    return path.with_name(f".{path.stem}.tmp-{os.getpid()}{path.suffix}")


def replaced_name(path: Path) -> Path:
    """The temporary path at which this process keeps the folder `path` until its replacement has taken its place.

    If the process is killed before that, the folder is not removed but put back.
    """
    return path.with_name(f".{path.name}.tmp-{os.getpid()}.replaced")


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
    for path in _temporary_below(folder):
        _clear(path)


def sweep_below(folder: Path) -> None:
    """Remove the temporary files of ended processes anywhere below a folder that has no lock."""
    for path in _temporary_below(folder):
        _sweep_one(path, _WRITTEN)


def _temporary_below(folder: Path) -> list[Path]:
    """The outermost temporary files and folders."""
    found: list[Path] = []
    for place, folders, files in os.walk(folder):
        found += [Path(place) / name for name in (*folders, *files) if _WRITTEN.fullmatch(name)]
        folders[:] = [name for name in folders if not _WRITTEN.fullmatch(name)]
    return found


def sweep(folder: Path) -> None:
    """Remove the temporary files of ended processes directly in a folder that has no lock."""
    _sweep(folder, _WRITTEN)


def sweep_scratch() -> None:
    """Remove the `scratch_folder`s of ended processes."""
    _sweep(Path(tempfile.gettempdir()), _SCRATCH)


def _sweep(folder: Path, pattern: re.Pattern[str]) -> None:
    with contextlib.suppress(OSError):  # a folder that cannot be listed is another user's
        for path in list(folder.iterdir()):
            _sweep_one(path, pattern)


def _sweep_one(path: Path, pattern: re.Pattern[str]) -> None:
    match = pattern.fullmatch(path.name)
    if match is not None and not _is_written(path, int(match["process"])):
        _clear(path)


def _is_written(path: Path, process: int) -> bool:
    """Whether the process that created it still runs; a process started later only reuses its id.

    One that ended and that nobody has waited for yet, as of a container without an init process, writes nothing.
    """
    try:
        found = psutil.Process(process)
        ended = found.status() == psutil.STATUS_ZOMBIE
        return not ended and found.create_time() <= path.lstat().st_mtime + _SLACK
    except (psutil.NoSuchProcess, FileNotFoundError, OverflowError, ValueError):
        return False
    except (psutil.Error, OSError):
        return True


def _clear(path: Path) -> None:
    """Remove what a process left, or, where it is the only copy of a folder that was being replaced, put it back."""
    replaced = _REPLACED.fullmatch(path.name)
    if replaced is not None and path.is_dir() and not os.path.lexists(place := path.with_name(replaced["name"])):
        with contextlib.suppress(OSError):
            path.rename(place)
    else:
        _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
