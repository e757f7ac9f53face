"""Terms of recipes about a backbone: its layers, and how handles are initialised. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Initialiser = Literal["mean", "first"]
"""A handle is initialised from the mean of its class word's sub-tokens (paper) or the first (official code)."""


@dataclass(frozen=True)
class Layer:
    """A cross-attention layer: its name in the UNet and the side of its square map."""

    name: str
    side: int

    @property
    def place(self) -> str:
        """`down`, `mid` or `up`."""
        return self.name.split("_")[0]


Predicate = Callable[[Layer], bool]


def every_layer(_layer: Layer) -> bool:
    """All cross-attention layers."""
    return True


def no_layer(_layer: Layer) -> bool:
    """None of the layers."""
    return False


def at_16(layer: Layer) -> bool:
    """Break-A-Scene's layers: the 16x16 maps of the down and up blocks (B.1; official train.py)."""
    return layer.side == 16 and layer.place in ("down", "up")


def in_up_blocks(layer: Layer) -> bool:
    """CLiC's layers: all cross-attention of the up blocks, of any side (section 3.1)."""
    return layer.place == "up"
