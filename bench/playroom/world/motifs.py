"""The two-colour motifs of the toys, as tests of points in the toy's own frame."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Choice = NDArray[np.bool_]


def _plain(u: Plane, v: Plane) -> Choice:
    """The first colour throughout."""
    return np.zeros(np.broadcast_shapes(u.shape, v.shape), dtype=np.bool_)


def _striped(u: Plane, v: Plane) -> Choice:
    """Level stripes."""
    return np.asarray((v + 0 * u) % 1.0 < 0.5)


def _dotted(u: Plane, v: Plane) -> Choice:
    """Round dots on a square grid."""
    return np.asarray((u % 1.0 - 0.5) ** 2 + (v % 1.0 - 0.5) ** 2 < 0.095)


def _checked(u: Plane, v: Plane) -> Choice:
    """A chessboard."""
    return (u * 0.9 % 1.0 < 0.5) ^ (v * 0.9 % 1.0 < 0.5)


def _zigzag(u: Plane, v: Plane) -> Choice:
    """Stripes that go up and down."""
    return np.asarray((v + 0.8 * np.abs(u % 1.0 - 0.5)) % 1.0 < 0.5)


def _rings(u: Plane, v: Plane) -> Choice:
    """Rings about the centre."""
    return np.asarray(np.hypot(u, v) * 1.1 % 1.0 < 0.5)


def _diamonds(u: Plane, v: Plane) -> Choice:
    """A chessboard that stands on its corner."""
    return ((u + v) * 0.7 % 1.0 < 0.5) ^ ((u - v) * 0.7 % 1.0 < 0.5)


def _halves(u: Plane, v: Plane) -> Choice:
    """One colour left, the other one right."""
    return np.asarray(u + 0 * v > 0)


def _crossed(u: Plane, v: Plane) -> Choice:
    """Thin lines in both directions."""
    return (u % 1.0 < 0.28) | (v % 1.0 < 0.28)


MOTIFS: dict[str, Callable[[Plane, Plane], Choice]] = {
    "plain": _plain,
    "striped": _striped,
    "dotted": _dotted,
    "checked": _checked,
    "zigzag": _zigzag,
    "rings": _rings,
    "diamonds": _diamonds,
    "halves": _halves,
    "crossed": _crossed,
}
"""Motif -> where the second colour is; u and v broadcast, in periods of the motif from the toy's centre."""
