"""Scenes whose toys are easily taken for each other: of one class, of the same colours, alike, or partly hidden.

Each changes a scene that was drawn as usual, whose first toy stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from bench.playroom.world.scene import PlacedToy, ToyScene
from bench.playroom.world.toys import ToyIdentity, sample_toy_identity

Shared = Literal["", "class", "palette", "look"]
"""What the toys of a scene have in common; the look is palette and motif."""


def sharing(scene: ToyScene, shared: Shared, rng: np.random.Generator) -> ToyScene:
    """The scene with toys that share this with the first one, and nothing else that others of them share."""
    return _ALIKE[shared](scene, rng)


def closer(scene: ToyScene, share: float) -> ToyScene:
    """The scene with its toys moved towards their common centre by this share of the way, so that they overlap."""
    x = float(np.mean([toy.x for toy in scene.toys]))
    y = float(np.mean([toy.y for toy in scene.toys]))
    toys = (replace(toy, x=toy.x + share * (x - toy.x), y=toy.y + share * (y - toy.y)) for toy in scene.toys)
    return replace(scene, toys=tuple(toys))


def _one_class(scene: ToyScene, rng: np.random.Generator) -> ToyScene:
    """All of the first toy's class, no two with the same motif or the same two colours."""
    found: list[ToyIdentity] = []
    name = scene.toys[0].identity.class_name
    for toy in scene.toys:
        identity = toy.identity if not found else sample_toy_identity(rng, "unseen", name)
        while any(identity.motif == one.motif or _colours(identity) == _colours(one) for one in found):
            identity = sample_toy_identity(rng, "unseen", name)
        found.append(identity)
    return _with(scene, found)


def _one_palette(scene: ToyScene, rng: np.random.Generator) -> ToyScene:
    """All of the first toy's colours, no two of a class or with the same motif."""
    found: list[ToyIdentity] = []
    first = scene.toys[0].identity
    for toy in scene.toys:
        identity = toy.identity
        while any(identity.class_name == one.class_name or identity.motif == one.motif for one in found):
            identity = sample_toy_identity(rng, "unseen")
        found.append(replace(identity, first=first.first, second=first.second))
    return _with(scene, found)


def _one_look(scene: ToyScene, rng: np.random.Generator) -> ToyScene:
    """All of the first toy's colours and motif, no two of a class."""
    first = scene.toys[0].identity
    distinct = _one_palette(scene, rng)
    return _with(distinct, [replace(toy.identity, motif=first.motif) for toy in distinct.toys])


def _with(scene: ToyScene, identities: list[ToyIdentity]) -> ToyScene:
    toys: list[PlacedToy] = [
        replace(toy, identity=identity) for toy, identity in zip(scene.toys, identities, strict=True)
    ]
    return replace(scene, toys=tuple(toys))


def _colours(toy: ToyIdentity) -> set[str]:
    return {toy.first, toy.second}


_ALIKE: Mapping[Shared, Callable[[ToyScene, np.random.Generator], ToyScene]] = {
    "": lambda scene, _rng: scene,
    "class": _one_class,
    "palette": _one_palette,
    "look": _one_look,
}
