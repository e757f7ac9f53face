"""How large pictures may be: checked before anything of that size is decoded or allocated."""

from __future__ import annotations

import math

from bench.core.errors import UserError

LEAST_SIDE = 16
"""Fewest pixels a side of a built dataset's pictures."""
LONGEST_SIDE = 16_384
"""Most pixels a side of any picture or mask."""
MOST_PIXELS = 100_000_000
"""Most pixels of any picture or mask."""
LONGEST_SQUARE_SIDE = min(LONGEST_SIDE, math.isqrt(MOST_PIXELS))
"""Most pixels a side of a square picture: 10,000."""


def size_fault(width: int, height: int) -> str | None:
    """Why a picture of that many pixels is not taken, to follow its name (`is of ...`); None if it is."""
    if max(width, height) <= LONGEST_SIDE and width * height <= MOST_PIXELS:
        return None
    limits = f"{LONGEST_SIDE:,} pixels a side and {MOST_PIXELS // 10**6} megapixels"
    return f"is of {_told(width)} x {_told(height)} pixels, more than is read: {limits}; make it smaller"


def check_side(size: int, option: str = "--size") -> None:
    """Raise `UserError` unless a dataset can have square pictures of that side."""
    if size < LEAST_SIDE:
        raise UserError(f"{option} {_told(size)}: a picture needs at least {LEAST_SIDE} pixels a side")
    if size > LONGEST_SQUARE_SIDE:
        most = f"{LONGEST_SQUARE_SIDE:,} pixels a side ({MOST_PIXELS // 10**6} megapixels)"
        raise UserError(f"{option} {_told(size)}: a picture may have at most {most}")


def _told(size: int) -> str:
    """The number; of one that no screen line holds, its order alone."""
    return str(size) if abs(size) < 10**12 else "over 10^12" if size > 0 else "below -10^12"
