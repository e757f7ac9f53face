"""When a command is stopped, and how: killed, or no longer able to write."""

from __future__ import annotations

import errno
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_ARGUMENTS = {"os.rename": 2, "os.mkdir": 1, "os.remove": 1, "os.rmdir": 1}
"""Events of Python's audit that change the file system, and how many paths each has before its directory's number."""


@dataclass(frozen=True)
class AtTime:
    """A kill after this share of the processor time that the unbroken command takes.

    `victim` is the command itself, one of its workers, or the whole Ray node that these run on: the command then goes
    on to its end, whatever that is.
    """

    share: float
    victim: Literal["driver", "worker", "node"] = "driver"

    def __str__(self) -> str:
        return f"{'' if self.victim == 'driver' else f'{self.victim} '}killed at {self.share:.1%} of its time"


@dataclass(frozen=True)
class AtChange:
    """What happens right before a change of the file system, counted from 1.

    `kill`: SIGKILL. `tear`: SIGKILL, but a file that is about to be moved into place is cut in half: as if its writer
    had been killed. `refuse`: from here on nothing can be created, as on a full disk. `cut`: from here on files can be
    created, but not a byte written.
    """

    number: int
    then: Literal["kill", "tear", "refuse", "cut"] = "kill"

    def __str__(self) -> str:
        told = {
            "kill": "killed before",
            "tear": "killed in the middle of what is moved by",
            "refuse": "nothing created from",
            "cut": "nothing written from",
        }
        return f"{told[self.then]} change {self.number}"


@dataclass(frozen=True)
class Change:
    """A change of the file system that is about to happen; `creates` is whether it needs space."""

    event: str
    path: str
    creates: bool


def watch(folder: Path, on_change: Callable[[Change], None]) -> None:
    """Call `on_change` before every change in a folder that this process makes from now on, by Python's audit events.

    What a library written in another language opens itself is seen when it is moved into place.
    """
    inside = f"{folder}{os.sep}"

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        for change in _changes(event, arguments):
            if change.path.startswith(inside):
                on_change(change)
                return

    sys.addaudithook(hook)


def stop(at: AtChange) -> Callable[[Change], None]:
    """What `watch` calls to stop this process there."""
    seen = 0

    def on_change(change: Change) -> None:
        nonlocal seen
        seen += 1
        if seen >= at.number:
            _stop(at.then, change)

    return on_change


def _stop(how: str, change: Change) -> None:
    if how in ("kill", "tear"):
        if how == "tear" and (torn := Path(change.path)).is_file():
            os.truncate(torn, torn.stat().st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "cut":
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    elif change.creates:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), change.path)


def _changes(event: str, arguments: tuple[Any, ...]) -> Iterator[Change]:
    """The paths that an event changes: none, one, or, where something is moved, two."""
    if event == "open":
        path, _, flags = arguments
        if isinstance(path, str | bytes | os.PathLike) and (flags or 0) & _WRITES:
            yield Change(event, _absolute(path), creates=True)
    elif event in _ARGUMENTS:
        for path in (_absolute(one, arguments[-1]) for one in arguments[: _ARGUMENTS[event]]):
            if os.path.lexists(path) != (event == "os.mkdir"):  # otherwise it will be refused and nothing changes
                yield Change(event, path, creates=event == "os.mkdir")


def _absolute(path: str | bytes | os.PathLike[str], directory: int = -1) -> str:
    """The absolute path of one that may be relative to an open directory, as `shutil.rmtree` has them."""
    parent = Path(f"/proc/self/fd/{directory}").readlink() if directory >= 0 else Path()
    return os.path.abspath(parent / os.fsdecode(path))  # noqa: PTH100 - resolve() would follow links
