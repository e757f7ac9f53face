"""Scenes of one limitation each: lit from a known side, turned by a known angle, of a known number of toys."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.core.scenes import Prompt
from bench.playroom.world.limits import LimitSpec, limit_scene, redraw
from bench.playroom.world.scene import draw


def test_a_scene_depends_on_seed_and_number_alone() -> None:
    spec = LimitSpec(3, (2,), light=0.7)
    assert limit_scene(spec, 4) == limit_scene(spec, 4)
    assert limit_scene(spec, 4) != limit_scene(replace(spec, seed=4), 4)


def test_half_of_the_toys_of_every_scene_are_lit_from_the_left() -> None:
    for number in range(6):
        assert sorted(toy.light for toy in limit_scene(LimitSpec(0, (2,), light=0.7), number).toys) == [-0.7, 0.7]
    first = [limit_scene(LimitSpec(0, (2,), light=0.7), number).toys[0].light for number in range(4)]
    assert first == [-0.7, 0.7, -0.7, 0.7]


def test_light_changes_the_toy_s_brightness_and_not_its_mask() -> None:
    lit = limit_scene(LimitSpec(0, (2,), light=0.7), 1)
    unlit = replace(lit, toys=tuple(replace(toy, light=0.0) for toy in lit.toys))
    one, other = draw(lit, 64), draw(unlit, 64)
    assert np.array_equal(one.masks, other.masks)
    for toy, mask in zip(lit.toys, one.masks, strict=True):
        columns = np.nonzero(mask)[1]
        gain = one.picture[mask].mean(axis=1) - other.picture[mask].mean(axis=1)
        right = gain[columns > columns.mean()].mean() - gain[columns < columns.mean()].mean()
        assert np.sign(right) == np.sign(toy.light)


def test_turned_toys_are_turned_both_ways() -> None:
    for number in range(3):
        assert sorted(toy.angle for toy in limit_scene(LimitSpec(0, (2,), turn=60), number).toys) == [-60, 60]


def test_the_numbers_of_toys_are_taken_in_turn_their_classes_differ_and_none_is_hidden() -> None:
    spec = LimitSpec(0, (5, 6))
    for number in range(4):
        world = limit_scene(spec, number)
        assert len({toy.identity.class_name for toy in world.toys}) == (5, 6)[number % 2]
        assert draw(world, 64).masks.mean(axis=(1, 2)).min() > 0.04


def test_fewer_toys_are_as_small_as_the_most() -> None:
    sizes = {toy.size for number in range(4) for toy in limit_scene(LimitSpec(0, (2, 6)), number).toys}
    assert max(sizes) <= 0.36


def test_a_redrawing_has_neither_light_nor_turn_and_is_the_same_each_time() -> None:
    world = limit_scene(LimitSpec(0, (2,), light=0.7), 0)
    unlit = replace(world, toys=tuple(replace(toy, light=0.0) for toy in world.toys))
    prompt = Prompt("a photo of {tokens} at the beach", (0, 1))
    pictures = [redraw(one, "scene", prompt, 64).tobytes() for one in (world, world, unlit)]
    assert len(set(pictures)) == 1
    assert redraw(world, "scene", replace(prompt, sample=1), 64).tobytes() != pictures[0]
