"""Scenes that show the limitations of learning from one picture (Break-A-Scene, Figure 8), known by construction.

Each changes a scene that was drawn as usual: its toys are lit from one side, turned, or fewer than it has places for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.core.masks import principal_axis
from bench.playroom.world.scene import PlacedToy, ToyScene, draw
from bench.playroom.world.toys import ToyIdentity, sample_toy_identity

_LONG = 1.3
"""A toy to be turned is at least so much longer than wide, so that its turn shows."""

_ROOM = 0.8
"""What turned toys are made smaller by."""


def fewer(scene: ToyScene, count: int, rng: np.random.Generator) -> ToyScene:
    """The scene with `count` of its toys left where they are, and as large as they are."""
    kept = sorted(rng.permutation(len(scene.toys))[:count].tolist())
    return replace(scene, toys=tuple(scene.toys[index] for index in kept))


def lit(scene: ToyScene, light: float, number: int, rng: np.random.Generator) -> ToyScene:
    """The scene with each toy lit from one side; `light` in [0, 1] is how much brighter and darker its sides are.

    The sides alternate within a scene and, for the first toy, with its `number`: half of the toys are lit from the
    left. Toys of two halves, which look like a light, are replaced.
    """
    suiting = _suiting(scene, lambda toy: not _looks_lit(toy), rng)
    toys = (replace(toy, light=_side(number + index) * light) for index, toy in enumerate(suiting.toys))
    return replace(suiting, toys=tuple(toys))


def turned(scene: ToyScene, degrees: float, number: int, rng: np.random.Generator) -> ToyScene:
    """The scene with its toys turned by so many degrees, one clockwise, the next counter-clockwise.

    The first toy's sense alternates with the scene's `number`. Toys that are not long are replaced: theirs would not
    show; in a scene that is lit, no toy of two halves comes back. All are made a bit smaller, so that they hide less of
    each other: a toy that is half hidden lies otherwise.
    """
    is_lit = any(toy.light for toy in scene.toys)
    suiting = _suiting(scene, lambda toy: _is_long(toy) and not (is_lit and _looks_lit(toy)), rng)
    toys = (
        replace(toy, angle=_side(number + index) * degrees, size=_ROOM * toy.size)
        for index, toy in enumerate(suiting.toys)
    )
    return replace(suiting, toys=tuple(toys))


def _side(number: int) -> int:
    """1 and -1 in turn."""
    return 1 if number % 2 else -1


def _looks_lit(toy: ToyIdentity) -> bool:
    return toy.motif == "halves"


def _is_long(toy: ToyIdentity) -> bool:
    alone = ToyScene((PlacedToy(toy, 0.5, 0.5, 0.5),), None, 0)
    return principal_axis(draw(alone, 64).masks[0])[1] >= _LONG


def _suiting(scene: ToyScene, suits: Callable[[ToyIdentity], bool], rng: np.random.Generator) -> ToyScene:
    """The scene with toys that suit, all of different classes: others of never-seen looks replace those that do not.

    As many classes must have toys that suit as the scene has toys; six are long.
    """
    found: list[PlacedToy] = []
    for toy in scene.toys:
        identity, taken = toy.identity, {one.identity.class_name for one in found}
        while identity.class_name in taken or not suits(identity):
            identity = sample_toy_identity(rng, "unseen")
        found.append(replace(toy, identity=identity))
    return replace(scene, toys=tuple(found))
