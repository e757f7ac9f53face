"""The ground truth of Playroom's scenes: the toys of a picture, and the same toys redrawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bench.core import scenes
from bench.playroom.world.scene import ToyScene, draw, sample_scene
from bench.playroom.world.toys import ToyIdentity


def as_benchmark_scene(name: str, world: ToyScene, size: int) -> scenes.Scene:
    """A scene of the world as the benchmark's `Scene` at `size` pixels per side: picture, masks and class words.

    The concepts stand in the order of the toys; there are no prompts.
    """
    drawing = draw(world, size)
    pairs = zip(world.toys, drawing.masks, strict=True)
    concepts = [scenes.Concept(toy.identity.class_name, mask, scenes.handle(k)) for k, (toy, mask) in enumerate(pairs)]
    return scenes.Scene(name, drawing.picture, tuple(concepts))


def redrawn(toys: Sequence[ToyIdentity], context: str | None, rng: np.random.Generator) -> ToyScene:
    """The same toys (up to six), in another pose, size and place and in the given context (None: plain)."""
    placed = sample_scene(rng, count=len(toys), context=context)
    again = (replace(place, identity=toy) for place, toy in zip(placed.toys, toys, strict=True))
    return replace(placed, toys=tuple(again))
