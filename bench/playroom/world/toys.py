"""Identities of toys (class, palette, motif and proportions), split into those that training sees and never sees."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Literal

import numpy as np

from bench.playroom.world.canvas import RGB
from bench.playroom.world.shapes import SHAPES

Appearance = Literal["seen", "unseen"]

CLASSES: tuple[str, ...] = tuple(SHAPES)
"""The classes of toys, one word each."""

MOTIFS: tuple[str, ...] = ("plain", "striped", "dotted", "checked")
"""The motifs that training sees and captions name."""

UNSEEN_MOTIFS: tuple[str, ...] = ("zigzag", "rings", "diamonds", "halves", "crossed")
"""The motifs of the toys to be learned, which training never sees."""

COLOURS: dict[str, RGB] = {
    "red": (216, 38, 38),
    "orange": (246, 138, 28),
    "yellow": (250, 218, 62),
    "green": (46, 160, 66),
    "blue": (44, 96, 220),
    "purple": (138, 66, 182),
    "white": (246, 246, 242),
    "brown": (122, 78, 42),
}
"""The colours that training sees and captions name."""

UNSEEN_COLOURS: dict[str, RGB] = {
    "teal": (16, 140, 148),
    "magenta": (228, 40, 150),
    "lime": (176, 232, 52),
    "navy": (24, 30, 96),
    "maroon": (112, 12, 56),
    "salmon": (252, 158, 142),
    "turquoise": (100, 222, 214),
    "lavender": (186, 164, 238),
    "olive": (126, 130, 26),
}
"""The colours of the toys to be learned, all in between the seen ones."""

PALETTE: dict[str, RGB] = {**COLOURS, **UNSEEN_COLOURS}
"""Every colour by its name."""

_CONTRAST = 130.0
"""Least distance (Euclid, RGB 0..255) of the two colours of one toy, so that a motif shows at 64 px."""


@dataclass(frozen=True)
class ToyIdentity:
    """What stays the same when a toy is drawn again elsewhere.

    `first` and `second` are names in `PALETTE` (a plain toy has the same one twice); `aspect` is the stretch
    in width (.85 to 1.18, 1 = none); `detail` in [0, 1] moves one proportion of the class; `repeat` (2.2 to
    3.2) is the number of periods of the motif in a unit of the class's shape, about the toy's width.
    """

    class_name: str
    first: str
    second: str
    motif: str
    aspect: float = 1.0
    detail: float = 0.5
    repeat: float = 2.7


def _pairs(colours: dict[str, RGB]) -> list[tuple[str, str]]:
    """The ordered pairs of colours that differ enough for a motif."""
    return [
        (first, second)
        for first, second in permutations(colours, 2)
        if np.linalg.norm(np.subtract(colours[first], colours[second])) >= _CONTRAST
    ]


COLOUR_PAIRS: tuple[tuple[str, str], ...] = tuple(_pairs(COLOURS))
"""The ordered pairs of seen colours that a toy with a motif can have."""

_PAIRS = {"seen": COLOUR_PAIRS, "unseen": tuple(_pairs(UNSEEN_COLOURS))}


def sample_toy_identity(rng: np.random.Generator, appearance: Appearance, class_name: str | None = None) -> ToyIdentity:
    """A random toy of the class (None: any) of seen appearance, or with a motif and a palette training never sees."""
    motif = str(rng.choice(MOTIFS if appearance == "seen" else UNSEEN_MOTIFS))
    name = str(rng.choice(CLASSES)) if class_name is None else class_name
    if motif == "plain":
        first = second = str(rng.choice(list(COLOURS)))
    else:
        first, second = _PAIRS[appearance][rng.integers(len(_PAIRS[appearance]))]
    aspect = float(np.exp(rng.uniform(np.log(0.85), np.log(1.18))))
    return ToyIdentity(name, first, second, motif, aspect, float(rng.uniform()), float(rng.uniform(2.2, 3.2)))


def all_appearances(class_name: str) -> list[ToyIdentity]:
    """All toys of the class with distinct descriptions: 8 plain ones, 46 pairs in each motif."""
    plain = [ToyIdentity(class_name, colour, colour, "plain") for colour in COLOURS]
    pairs = [ToyIdentity(class_name, *pair, motif) for motif in MOTIFS if motif != "plain" for pair in COLOUR_PAIRS]
    return [*plain, *pairs]
