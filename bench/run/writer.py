"""Writes the files that workers send, several at a time: each is synced, and a disk takes its time for that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from types import TracebackType

from bench.core.errors import UserError
from bench.core.files import write_bytes

THREADS = 8
MOST_WAITING = 64
"""Maximum number of a task's files that are not written yet: the driver then takes no more of them."""
SHARED = "shared"
"""The folder of what units share, such as prior-preservation pictures: several workers may send the same."""
LAST = "units"
"""The folder of the records with which a unit is whole: they are written when all else of it is."""


class FileWriter:
    """Writes files below a folder, in threads; what goes wrong there is raised by the next call about that task."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="write")
        self._waiting: dict[str, list[Future[None]]] = defaultdict(list)
        self._shared: set[str] = set()

    def __enter__(self) -> FileWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=kind is not None)

    def take(self, task: str, files: Iterable[tuple[str, bytes]]) -> None:
        """Write a task's files: paths within the folder, and contents. One that units share is written only once.

        Raises `UserError` for a path that leads out of the folder, and for what the disk refuses.
        """
        for path, content in files:
            place = PurePosixPath(path)
            if place.is_absolute() or ".." in place.parts:
                raise UserError(f"a worker sent a file that is none of a run: {path}")
            file = self._folder / place
            if place.parts[0] == LAST:
                self.finish(task)
                write_bytes(file, content)
            elif place.parts[0] != SHARED or self._is_first(path):
                self._waiting[task].append(self._pool.submit(write_bytes, file, content))
        if len(self._waiting[task]) > MOST_WAITING:
            self.finish(task)

    def _is_first(self, path: str) -> bool:
        """Whether nobody has sent this shared file: two threads that write the same file would disturb each other."""
        known = path in self._shared or (self._folder / path).is_file()
        self._shared.add(path)
        return not known

    def finish(self, task: str) -> None:
        """Return when all of a task's files are written; raises `UserError` for what the disk refuses."""
        for written in self._waiting.pop(task, []):
            written.result()
