"""The one exception that a user is meant to see, and others in one line."""

from __future__ import annotations

import difflib
import errno
import traceback
import unicodedata
from collections.abc import Iterable
from pathlib import Path

REFUSED = (OSError, MemoryError, RecursionError, UnicodeError)
"""Operating-system errors that can occur anywhere, with the reason and the next step."""

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
"""Numbers of the system's errors when there is no space left."""

_NEXT_STEPS = {
    errno.ENOSPC: "free some space, or name a folder on another disk",
    errno.EDQUOT: "free some space, or name a folder on another disk",
    errno.EROFS: "name a folder that can be written",
    errno.EACCES: "change its rights, or name another place",
    errno.EPERM: "change its rights, or name another place",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOTDIR: "name a folder",
    errno.EISDIR: "name a file",
    errno.ELOOP: "its links lead in a circle; name another place",
    errno.EMFILE: "too many files are open; raise the limit (`ulimit -n`)",
}
_LINE_BREAKS = ("Cc", "Zl", "Zp", "Cs")
"""Categories of characters that end a line, move the cursor or cannot be written."""


class UserError(Exception):
    """A problem that the user can fix: what failed, the known choices and the next step, in one line.

    The command line prints the message without a traceback and exits with `code` (2: bad input,
    3: the run is held by another process). Line breaks that come with a name are escaped.
    """

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(single_line(message))
        self.code = code


class NotFiniteError(UserError, FloatingPointError):
    """A fit or a drawing came to numbers that are not finite: its settings, a learning rate or a precision, are why."""


def is_disk_full(error: BaseException) -> bool:
    """Whether an error, or what it was raised from, is the system's that no space is left."""
    system = error.__cause__ if isinstance(error, UserError) else error
    return isinstance(system, OSError) and system.errno in DISK_FULL


def single_line(text: str) -> str:
    r"""The text with control characters, line breaks and lone surrogates as escapes: `a\nb`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(c) if unicodedata.category(c) in _LINE_BREAKS else c for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What follows "there is no NAME": the closest of the known names as a question, or a full stop."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else "."


def refusal(error: BaseException) -> str:
    """What the system refused (one of `REFUSED`) and the next step, in one line."""
    if isinstance(error, MemoryError):
        told = "there is not enough memory; take smaller pictures, a smaller --batch-size or fewer scenes"
    elif isinstance(error, RecursionError):
        told = "something is nested too deep to be read (JSON, or one's own drop-in); make it flatter"
    elif isinstance(error, UnicodeError):
        told = f"a text cannot be written or read in {_encoding(error)}; set PYTHONUTF8=1, or use names in ASCII"
    else:
        told = _system_refusal(error)
    return single_line(told)


def _encoding(error: UnicodeError) -> str:
    """The encoding that an error names, if any."""
    return str(getattr(error, "encoding", "this encoding"))


def _system_refusal(error: BaseException) -> str:
    number = getattr(error, "errno", None)
    why = getattr(error, "strerror", None) or one_line(error)
    file = getattr(error, "filename", None)
    step = _NEXT_STEPS.get(number or 0, "see `bench doctor`, or name another place")
    return f"{file}: {why}; {step}" if file is not None else f"{why}; {step}"


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
