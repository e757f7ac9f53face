"""Grey edges of masks as a manifest holds them; most datasets have none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.core.scenes import Mask, SoftMask
from bench.data.coco.masks import checked_area, counts_text, decode

_WHITE = 255
_VALUES = re.compile(r"(?:(?!00|ff)[0-9a-f]{2})*")


@dataclass(frozen=True)
class EdgeRecord:
    """The grey pixels of a mask's file: where, as run lengths, and each one's value, column after column.

    `values` are two hexadecimal digits each, 01 to fe.
    """

    counts: str
    values: str

    @classmethod
    def of(cls, soft: SoftMask | None) -> EdgeRecord | None:
        """The record of a soft mask; None if it is of black and white alone."""
        if soft is None:
            return None
        grey = (soft > 0) & (soft < _WHITE)
        return cls(counts_text(grey), soft.T[grey.T].tobytes().hex()) if grey.any() else None

    def soft(self, mask: Mask) -> SoftMask:
        """The soft mask, of the mask that says which of the other pixels are white."""
        soft = mask.astype(np.uint8) * np.uint8(_WHITE)
        grey = decode({"size": list(mask.shape), "counts": self.counts})
        soft.T[grey.T] = np.frombuffer(bytes.fromhex(self.values), np.uint8)
        return soft


def edge_fault(edges: Sequence[EdgeRecord | None], masks: int, size: int) -> str | None:
    """A description of what is wrong with the edges of a scene of so many masks of this side, or None."""
    if len(edges) not in (0, masks):
        return "does not have one edge per mask"
    for number, edge in enumerate(edges):
        if edge is None:
            continue
        try:
            pixels = checked_area({"size": [size, size], "counts": edge.counts})
        except ValueError as error:
            return f"{error} in edge {number}"
        if _VALUES.fullmatch(edge.values) is None or len(edge.values) != 2 * pixels:
            return f"does not have one value for each pixel of edge {number}"
    return None
