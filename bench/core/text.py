"""Counts and lists of words within printed sentences."""

from __future__ import annotations

from collections.abc import Sequence

MOST_NAMED = 6
"""Words of a long list that a sentence names."""


def count(n: int, noun: str, plural: str = "") -> str:
    """`1 scene`, `6 scenes`; `plural` is that of a noun that does not take an s."""
    return f"{n:,} {noun if n == 1 else plural or f'{noun}s'}"


def duration(seconds: float) -> str:
    """`5 seconds`, `12 minutes`, `3.5 hours`."""
    if seconds < 90:
        return count(round(seconds), "second")
    if seconds < 90 * 60:
        return count(round(seconds / 60), "minute")
    return f"{seconds / 3600:.1f} hours"


def some(words: Sequence[str], most: int = MOST_NAMED) -> str:
    """The first `most` of the words: `a, b, c and 12 more`; all if that leaves out only one."""
    if len(words) <= most + 1:
        return ", ".join(words)
    return f"{', '.join(words[:most])} and {len(words) - most:,} more"
