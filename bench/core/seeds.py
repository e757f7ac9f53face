"""Seeds from named coordinates: the same coordinates give the same numbers on every machine, in any order of work."""

from __future__ import annotations

import hashlib
import json


def seed_from(**coordinates: str | int | tuple[int, ...]) -> int:
    """A seed in [0, 2**63) from the SHA-256 of the named coordinates.

    The noise of a picture leaves the method out of its coordinates: methods are compared on common random numbers.
    """
    text = json.dumps(coordinates, sort_keys=True, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1
