"""The truth of drawn scenes, and toys drawn anew."""

from __future__ import annotations

import numpy as np
import pytest

from bench.playroom.world.contexts import CONTEXTS
from bench.playroom.world.ground_truth import as_benchmark_scene, redrawn
from bench.playroom.world.scene import draw, sample_scene


def test_a_scene_of_the_benchmark_has_the_drawn_picture_and_masks() -> None:
    world = sample_scene(np.random.default_rng(3), count=2)
    scene, drawing = as_benchmark_scene("two", world, 32), draw(world, 32)
    assert np.array_equal(scene.picture, drawing.picture)
    assert [concept.label for concept in scene.concepts] == [toy.identity.class_name for toy in world.toys]
    assert [concept.handle for concept in scene.concepts] == ["[v1]", "[v2]"]
    assert all(np.array_equal(c.mask, mask) for c, mask in zip(scene.concepts, drawing.masks, strict=True))


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_toys_drawn_anew_keep_their_identity_and_nothing_else(count: int) -> None:
    world = sample_scene(np.random.default_rng(count), appearance="unseen", count=count)
    toys = [toy.identity for toy in world.toys]
    again = redrawn(toys, CONTEXTS[3], np.random.default_rng(99))
    assert [toy.identity for toy in again.toys] == toys
    assert again.context == CONTEXTS[3]
    assert all(one.angle != other.angle for one, other in zip(world.toys, again.toys, strict=True))
