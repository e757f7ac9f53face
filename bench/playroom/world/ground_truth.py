"""The truth behind Playroom's scenes: which toys a picture shows, and the same toys drawn anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bench.core import scenes
from bench.playroom.world.scene import ToyScene, draw, sample_scene
from bench.playroom.world.toys import ToyIdentity


def as_benchmark_scene(name: str, world: ToyScene, size: int) -> scenes.Scene:
    """What a method would get of a scene of the world at `size` pixels a side: picture, masks and class words.

    The concepts stand in the order of the toys; there are no prompts.
    """
    drawing = draw(world, size)
    pairs = zip(world.toys, drawing.masks, strict=True)
    concepts = [scenes.Concept(toy.identity.class_name, mask, scenes.handle(k)) for k, (toy, mask) in enumerate(pairs)]
    return scenes.Scene(name, drawing.picture, tuple(concepts))


def redrawn(toys: Sequence[ToyIdentity], context: str | None, rng: np.random.Generator) -> ToyScene:
    """The same toys (up to four), in another pose, size and place and in the given context (None: plain)."""
    placed = sample_scene(rng, count=len(toys), context=context)
    again = (replace(place, identity=toy) for place, toy in zip(placed.toys, toys, strict=True))
    return replace(placed, toys=tuple(again))
