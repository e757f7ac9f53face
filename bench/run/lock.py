"""A lock that lets one process at a time work on a run; it is released when the process ends, in whatever way."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import filelock

from bench.core.errors import UserError
from bench.core.leftovers import sweep_held
from bench.run.folder import RunFolder

LOCK = ".lock"
HELD = 3
"""Exit code of a start on a run that another process holds."""


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Lock the run's folder while the block runs; temporary files of killed processes are removed first.

    Raises `UserError` (exit code 3) naming the process that holds it, and where the folder cannot be written.
    """
    lock = filelock.FileLock(folder / LOCK)
    holder = holder_file(folder)
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
        holder.write_text(_who(), encoding="utf-8", errors="backslashreplace")
    except filelock.Timeout:
        raise UserError(f"{folder} is held by {_read(holder)}; wait for it or stop it", HELD) from None
    except OSError as error:
        lock.release()
        raise UserError(f"cannot write {folder}: {error.strerror or error}; name another --runs or --name") from error
    try:
        sweep_held(folder)
        RunFolder(folder).activity.unlink(missing_ok=True)
        yield
    finally:
        RunFolder(folder).activity.unlink(missing_ok=True)
        holder.unlink(missing_ok=True)
        _remove_unused(made)
        lock.release()


def holder_file(folder: Path) -> Path:
    """The file that says, while a process holds a run's folder, which; after a kill it stays."""
    return folder / ".holder"


def _remove_unused(made: Sequence[Path]) -> None:
    """Remove the folders that this start made, the run's first, if nothing was written there but the lock."""
    if not made or [path.name for path in made[0].iterdir()] != [LOCK]:
        return
    with contextlib.suppress(OSError):  # another start writes there, or the system does not remove an open file
        (made[0] / LOCK).unlink()
        for folder in made:
            folder.rmdir()


def _who() -> str:
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    return f"process {os.getpid()} on {socket.gethostname()} ({command}, since {started})"


def _read(holder: Path) -> str:
    try:
        return holder.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "another process that is just starting or ending"
