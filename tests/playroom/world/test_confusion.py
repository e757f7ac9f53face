"""Scenes whose toys are easily taken for each other: what they share, and what they do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.playroom.world.coco import CocoSpec, pool_scene
from bench.playroom.world.confusion import closer
from bench.playroom.world.scene import ToyScene, draw
from bench.playroom.world.toys import ToyIdentity

USUAL = CocoSpec(seed=3, toys=(2, 3, 4))


def toys(spec: CocoSpec, image_id: int) -> list[ToyIdentity]:
    return [toy.identity for toy in pool_scene(spec, image_id).toys]


def numbers(found: list[ToyIdentity]) -> tuple[int, int, int]:
    """How many classes, pairs of colours and motifs."""
    colours = {frozenset((toy.first, toy.second)) for toy in found}
    return len({toy.class_name for toy in found}), len(colours), len({toy.motif for toy in found})


def test_what_is_shared_is_one_and_nothing_else_is() -> None:
    for image_id in range(1, 30):
        many = len(toys(USUAL, image_id))
        for shared, expected in (("class", (1, many, many)), ("palette", (many, 1, many)), ("look", (many, 1, 1))):
            assert numbers(toys(replace(USUAL, shared=shared), image_id)) == expected  # type: ignore[arg-type]


def test_the_first_toy_and_all_places_stay() -> None:
    usual = pool_scene(USUAL, 1)
    for shared in ("class", "palette", "look"):
        scene = pool_scene(replace(USUAL, shared=shared), 1)  # type: ignore[arg-type]
        assert scene.toys[0] == usual.toys[0]
        own = (replace(toy, identity=was.identity) for toy, was in zip(scene.toys, usual.toys, strict=True))
        assert replace(scene, toys=tuple(own)) == usual


def test_closer_toys_keep_their_centre_and_hide_more_of_each_other() -> None:
    usual = pool_scene(USUAL, 2)
    near = pool_scene(replace(USUAL, closer=0.45), 2)
    assert near == closer(usual, 0.45)
    assert np.isclose(np.mean([toy.x for toy in near.toys]), np.mean([toy.x for toy in usual.toys]))
    spread, narrow = (np.ptp([toy.x for toy in scene.toys]) for scene in (usual, near))
    assert np.isclose(narrow, 0.55 * spread)
    assert hidden(near) > hidden(usual)


def hidden(scene: ToyScene) -> float:
    """The share of the first toy that the others hide."""
    alone = draw(replace(scene, toys=scene.toys[:1]), 64).masks[0].sum()
    return 1 - float(draw(scene, 64).masks[0].sum() / alone)
