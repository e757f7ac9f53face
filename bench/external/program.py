"""Runs a program in another environment and reads its pictures as they are written."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.core.errors import UserError
from bench.core.images import opened
from bench.core.scenes import ImageArray
from bench.core.text import count

OUT = "out"
ENVIRONMENT = (
    *("PATH", "LD_LIBRARY_PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TMP", "TEMP"),
    *("SYSTEMROOT", "WINDIR", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PATHEXT", "COMSPEC"),
    *("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUDA_HOME", "PYTORCH_CUDA_ALLOC_CONF", "CUBLAS_WORKSPACE_CONFIG"),
    *("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "MKL_NUM_THREADS"),
    *("HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "TORCH_HOME", "XDG_CACHE_HOME"),
)
"""All that a program gets to know of this process's variables: other people's code needs no token of the user.

PYTHON... is not among them: an interpreter of another version must not be sent to this one's packages."""
_POLL = 0.05
_TOLD = 300
_NOTED = 100


class ProgramError(Exception):
    """A program that failed on a scene: one line, with the end of its standard error as a note."""


@dataclass(frozen=True)
class Program:
    """A running program in its folder; it may run for `patience` seconds without a new picture."""

    process: subprocess.Popen[bytes]
    folder: Path
    patience: float

    def picture(self, number: int, side: int) -> ImageArray:
        """Wait for a picture, uint8 [side, side, 3].

        Raises `ProgramError` if it does not come in time, is not a picture or has another size.
        """
        file = self.folder / picture_file(number)
        self._wait_for(file)
        if not file.is_file():
            raise self._bad_end(f"after {count(number, 'picture')}, without {picture_file(number)}")
        try:
            with opened(file) as image:
                width, height = image.size
                if (width, height) == (side, side):
                    return np.asarray(image.convert("RGB"), dtype=np.uint8)
        except UserError as error:
            raise self._failure(f"{picture_file(number)} is not a whole picture") from error
        raise self._failure(f"{picture_file(number)} is {width} x {height} pixels, {side} x {side} were asked for")

    def finish(self, pictures: int) -> None:
        """Wait for the program's end, after this many pictures.

        Raises `ProgramError` if the exit code is not 0, or there are more pictures than requested.
        """
        self._wait_for(None)
        if self.process.returncode != 0:
            raise self._bad_end(f"after {count(pictures, 'picture')}")
        wanted = {picture_file(number) for number in range(pictures)}
        others = sorted({f"{OUT}/{file.name}" for file in (self.folder / OUT).iterdir()} - wanted)
        if others:
            raise self._failure(
                f"it wrote {count(len(others), 'file')} that nobody asked for ({', '.join(others[:3])})"
            )

    def _wait_for(self, file: Path | None) -> None:
        """Wait until the file exists or the program has ended; raises `ProgramError` if neither happens in time."""
        deadline = time.monotonic() + self.patience
        while not (file is not None and file.is_file()) and self.process.poll() is None:
            if time.monotonic() > deadline:
                raise self._failure(f"no picture and no end for {self.patience / 60:g} minutes, so it was stopped")
            time.sleep(_POLL)

    def _bad_end(self, where: str) -> ProgramError:
        return self._failure(f"it ended with exit code {self.process.wait()} {where}")

    def _failure(self, why: str) -> ProgramError:
        lines = (self.folder / "stderr.txt").read_text(encoding="utf-8", errors="replace").splitlines()
        said = [line.strip() for line in lines if line.strip()]
        error = ProgramError(f"the program failed: {why}; it said: {said[-1][:_TOLD] if said else 'nothing'}")
        error.add_note("\n".join(lines[-_NOTED:]))
        return error


def picture_file(number: int) -> str:
    """The path of the picture of this number, relative to the program's folder."""
    return f"{OUT}/{number:05}.png"


@contextlib.contextmanager
def started(command: Sequence[str], folder: Path, patience: float) -> Iterator[Program]:
    """Start the program in its folder, with `ENVIRONMENT`; it and its children are stopped when the block ends.

    Raises `ProgramError` if it cannot be started.
    """
    environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    with (folder / "stdout.txt").open("wb") as out, (folder / "stderr.txt").open("wb") as err:
        try:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise ProgramError(f"cannot start {command[0]}: {error.strerror or error}") from error
        try:
            yield Program(process, folder, patience)
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the program and its children, also if the program itself has died."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):  # nobody of its group is left
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
    process.wait()
