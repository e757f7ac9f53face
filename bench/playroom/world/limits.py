"""Scenes that show the limitations of learning from one picture (Break-A-Scene, Figure 8), known by construction.

(a) Lighting: each toy is lit from one side. (b) Pose: each toy is turned. (c) Number: up to six toys, all as small and
in the places of a scene of the most, so that their number alone differs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bench.core.masks import principal_axis
from bench.core.scenes import ImageArray, Prompt
from bench.core.seeds import seed_from
from bench.playroom.world.ground_truth import redrawn
from bench.playroom.world.scene import PlacedToy, ToyScene, draw, sample_scene
from bench.playroom.world.toys import ToyIdentity, sample_toy_identity

MOST_TOYS = 6
"""The most toys that a scene has places for."""

MOST_LONG = 4
"""The most toys of a scene whose toys are turned: only some classes are long enough."""

_LONG = 1.3
"""A toy to be turned is at least so much longer than wide, so that its turn shows."""

_ROOM = 0.8
"""What turned toys are shrunk by, so that they hide less of each other."""


@dataclass(frozen=True)
class LimitSpec:
    """Scenes of a seed: numbers of toys (taken in turn), light from one side (0: none), turn in degrees (0: none)."""

    seed: int
    toys: tuple[int, ...]
    light: float = 0.0
    turn: float = 0.0


def limit_scene(spec: LimitSpec, number: int) -> ToyScene:
    """Scene `number` (from 0): toys of different classes and of an appearance that training never sees.

    The side of the light, and of the turn, alternates from toy to toy and, for the first toy, from scene to scene: half
    of the toys are lit from the left. A lit toy is not of two halves, which would look like a light.
    """
    rng = np.random.default_rng((spec.seed, number))
    placed = sample_scene(rng, appearance="unseen", count=max(spec.toys))
    kept = sorted(rng.permutation(max(spec.toys))[: spec.toys[number % len(spec.toys)]])
    identities = _identities(spec, len(kept), rng)
    toys = [replace(placed.toys[place], identity=toy) for place, toy in zip(kept, identities, strict=True)]
    sided = (_sided(spec, toy, 1 if (number + index) % 2 else -1) for index, toy in enumerate(toys))
    return replace(placed, toys=tuple(sided))


def _sided(spec: LimitSpec, toy: PlacedToy, side: int) -> PlacedToy:
    lit = replace(toy, light=side * spec.light)
    return replace(lit, angle=side * spec.turn, size=_ROOM * toy.size) if spec.turn else lit


def _identities(spec: LimitSpec, count: int, rng: np.random.Generator) -> list[ToyIdentity]:
    """So many suitable toys of different classes."""
    found: dict[str, ToyIdentity] = {}
    while len(found) < count:
        toy = sample_toy_identity(rng, "unseen")
        if toy.class_name not in found and _suits(spec, toy):
            found[toy.class_name] = toy
    return list(found.values())


def _suits(spec: LimitSpec, toy: ToyIdentity) -> bool:
    if spec.light and toy.motif == "halves":
        return False
    alone = ToyScene((PlacedToy(toy, 0.5, 0.5, 0.5),), None, 0)
    return not spec.turn or principal_axis(draw(alone, 64).masks[0])[1] >= _LONG


def redraw(world: ToyScene, name: str, prompt: Prompt, size: int) -> ImageArray:
    """The prompt's toys in its context as Playroom usually draws them, neither lit nor turned: [size, size, 3].

    Raises `KeyError` for a context that is not Playroom's.
    """
    toys = [world.toys[index].identity for index in prompt.subset]
    context = prompt.template.split("{tokens}")[1].strip()
    seed = seed_from(limits=name, template=prompt.template, subset=prompt.subset, sample=prompt.sample)
    return draw(redrawn(toys, context, np.random.default_rng(seed)), size).picture
