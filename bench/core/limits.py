"""Limits of picture sizes, checked before anything of that size is decoded or allocated."""

from __future__ import annotations

import math

from bench.core.errors import UserError

LEAST_SIDE = 16
"""Minimum number of pixels per side of a built dataset's pictures."""
LONGEST_SIDE = 16_384
"""Maximum number of pixels per side of any picture or mask."""
MOST_PIXELS = 100_000_000
"""Maximum number of pixels of any picture or mask."""
LONGEST_SQUARE_SIDE = min(LONGEST_SIDE, math.isqrt(MOST_PIXELS))
"""Maximum number of pixels per side of a square picture: 10,000."""


def size_fault(width: int, height: int) -> str | None:
    """The error text for a picture that is too large, to follow its name (`is of ...`); None if it is not."""
    if max(width, height) <= LONGEST_SIDE and width * height <= MOST_PIXELS:
        return None
    limits = f"{LONGEST_SIDE:,} pixels per side and {MOST_PIXELS // 10**6} megapixels"
    return f"is of {_told(width)} x {_told(height)} pixels, more than the limit: {limits}; make it smaller"


def check_side(size: int, option: str = "--size") -> None:
    """Raise `UserError` unless a dataset can have square pictures of that side."""
    if size < LEAST_SIDE:
        raise UserError(f"{option} {_told(size)}: a picture needs at least {LEAST_SIDE} pixels per side")
    if size > LONGEST_SQUARE_SIDE:
        most = f"{LONGEST_SQUARE_SIDE:,} pixels per side ({MOST_PIXELS // 10**6} megapixels)"
        raise UserError(f"{option} {_told(size)}: a picture may have at most {most}")


def _told(size: int) -> str:
    """The number as text; only its order of magnitude if it is very large."""
    return str(size) if abs(size) < 10**12 else "over 10^12" if size > 0 else "below -10^12"
