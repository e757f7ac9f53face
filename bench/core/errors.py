"""The one exception that a user is meant to see, and others in one line."""

from __future__ import annotations

import traceback
from pathlib import Path


class UserError(Exception):
    """A problem that the user can fix: what failed, the known choices and the next step, in one line.

    The command line prints the message without a traceback and exits with `code` (2: bad input,
    3: the run is held by another process).
    """

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


def one_line(error: BaseException) -> str:
    """An error in one line: its type and the first line of its message; of a `UserError` the message alone."""
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    if isinstance(error, UserError):
        return first
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def line_in(error: BaseException, file: Path) -> str:
    """`FILE:LINE` of the innermost traceback entry in this file; `FILE` if it has none."""
    frames = traceback.walk_tb(error.__traceback__)
    lines = [number for frame, number in frames if Path(frame.f_code.co_filename).resolve() == file.resolve()]
    return f"{file}:{lines[-1]}" if lines else str(file)
