"""A case of the campaign, what came of it, and what is bad about that."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeAlias

MOST_SECONDS = 10
"""Of processor time: what a case takes on a machine that does nothing else."""
LONGEST_WAIT = 60
"""Seconds on the clock, for a case that sleeps or a machine that is busy."""
MOST_BYTES = 2 * 2**30
"""Of address space, above what the process has before the case begins."""
EXIT_CODES = (0, 1, 2, 3)
_LATE = (-signal.SIGALRM, -signal.SIGXCPU)
_NO_MEMORY = "there is not enough memory"
_PROGRESS = re.compile(r"[^:]+:( \d+ of \d+| done)?( \(\d+ %\)| in [\d.]+ \w+)")
"""A line of progress in a log."""
_REMARKS = re.compile(
    r"Skipped: |Open |next: |the drop-in |Not used: |The backbone does not know |The segmenter of the preset |"
    r"\d+ scenes? (without class words|of \d+ smaller)"
)
"""What lines on standard error begin with that are no errors."""


@dataclass(frozen=True)
class Attack:
    """What was mutated, in words, and the command line that meets it."""

    what: str
    argv: tuple[str, ...]


Kind: TypeAlias = Callable[[Random, Path, Path], Attack]
"""Lays out mutated inputs in an empty folder, in which the command then runs.

Its arguments: the source of everything random, that folder, and the folder of valid inputs (see `material`).
"""


@dataclass(frozen=True)
class Case:
    """One case: `seed` and `number` alone determine the rest."""

    seed: int
    number: int
    kind: str
    attack: Attack

    @property
    def again(self) -> str:
        """The command that repeats it."""
        return f"nox -s fuzz -- --seed {self.seed} --case {self.number}"


@dataclass(frozen=True)
class Outcome:
    """What came of a case: its end, seconds of processor time, most resident bytes (with imports) and standard error.

    `code` is the exit code; negative it is the signal that ended the process.
    """

    case: Case
    code: int
    seconds: float
    memory: int
    error: str

    @property
    def faults(self) -> tuple[str, ...]:
        """What is bad about it; empty if nothing is."""
        told = {
            f"over {MOST_SECONDS} s": self.code in _LATE,
            f"over {MOST_BYTES >> 30} GiB": _NO_MEMORY in self.error,
            "a traceback": "Traceback (most recent call last)" in self.error,
            f"exit code {self.code}": self.code not in (*EXIT_CODES, *_LATE),
            "not one line of error": self.code in EXIT_CODES and not self._one_line(),
        }
        return tuple(fault for fault, found in told.items() if found)

    def _one_line(self) -> bool:
        """Whether a failure is told in one line, and a success in none."""
        lines = [line for line in self.error.splitlines() if line.strip() and not _is_progress(line)]
        errors = [line for line in lines if line.startswith("bench: ")]
        return len(errors) == (self.code != 0) and lines == errors


def _is_progress(line: str) -> bool:
    return bool(_REMARKS.match(line) or _PROGRESS.match(line))
