"""Scenes of one limitation each: lit from a known side, turned by a known angle, of a known number of toys."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.playroom.world.coco import CocoSpec, pool_scene
from bench.playroom.world.scene import ToyScene, draw

USUAL = CocoSpec(seed=3, toys=(2,))
LIT, TURNED = replace(USUAL, light=0.7), replace(USUAL, turn=20)


def scenes(spec: CocoSpec, number: int) -> list[ToyScene]:
    return [pool_scene(spec, image_id) for image_id in range(1, number + 1)]


def test_half_of_the_toys_of_every_scene_are_lit_from_the_left() -> None:
    lights = [[toy.light for toy in scene.toys] for scene in scenes(LIT, 4)]
    assert lights == [[0.7, -0.7], [-0.7, 0.7]] * 2


def test_light_is_all_that_differs_from_the_usual_scene_but_for_toys_of_two_halves() -> None:
    pairs = list(zip(scenes(USUAL, 20), scenes(LIT, 20), strict=True))
    kept = [(usual, lit) for usual, lit in pairs if "halves" not in {toy.identity.motif for toy in usual.toys}]
    assert 0 < len(kept) < len(pairs)
    for usual, lit in kept:
        assert usual == replace(lit, toys=tuple(replace(toy, light=0.0) for toy in lit.toys))
    assert "halves" not in {toy.identity.motif for _, lit in pairs for toy in lit.toys}


def test_light_changes_the_toy_s_brightness_and_not_its_mask() -> None:
    lit = pool_scene(LIT, 1)
    unlit = replace(lit, toys=tuple(replace(toy, light=0.0) for toy in lit.toys))
    one, other = draw(lit, 64), draw(unlit, 64)
    assert np.array_equal(one.masks, other.masks)
    for toy, mask in zip(lit.toys, one.masks, strict=True):
        columns = np.nonzero(mask)[1]
        gain = one.picture[mask].mean(axis=1) - other.picture[mask].mean(axis=1)
        right = gain[columns > columns.mean()].mean() - gain[columns < columns.mean()].mean()
        assert np.sign(right) == np.sign(toy.light)


def test_turned_toys_are_long_and_turned_both_ways() -> None:
    for scene in scenes(TURNED, 6):
        assert sorted(toy.angle for toy in scene.toys) == [-20, 20]
        assert {toy.identity.class_name for toy in scene.toys} <= {"fish", "car", "duck", "rocket", "heart", "tree"}
    assert [scene.toys[0].angle for scene in scenes(TURNED, 4)] == [20, -20, 20, -20]


def test_of_lit_scenes_turned_toys_are_not_of_two_halves_either() -> None:
    both = scenes(replace(LIT, turn=20), 20)
    assert "halves" not in {toy.identity.motif for scene in both for toy in scene.toys}
    assert {(abs(toy.light), abs(toy.angle)) for scene in both for toy in scene.toys} == {(0.7, 20)}


def test_toys_that_are_replaced_are_of_different_classes() -> None:
    for scene in scenes(replace(TURNED, toys=(4,)), 10):
        assert len({toy.identity.class_name for toy in scene.toys}) == 4


def test_of_five_and_six_toys_none_is_hidden() -> None:
    for scene in scenes(CocoSpec(toys=(5, 6)), 10):
        shares = draw(scene, 64).masks.mean(axis=(1, 2))
        assert len(shares) in (5, 6)
        assert shares.min() > 0.04


def test_by_equal_size_few_toys_are_as_small_and_lie_where_many_do() -> None:
    """Two toys of the usual pool are of size .38 to .52, six of .31 to .36, in two rows of three."""
    few = [scene for scene in scenes(CocoSpec(toys=(2, 6), equal_size=True), 20) if len(scene.toys) == 2]
    toys = [toy for scene in few for toy in scene.toys]
    assert few
    assert 0.31 <= min(toy.size for toy in toys) <= max(toy.size for toy in toys) <= 0.36
    assert all(min(abs(toy.y - row) for row in (0.28, 0.75)) < 0.08 for toy in toys)
    assert {round(toy.x, 1) for toy in toys} <= {0.2, 0.5, 0.8}
