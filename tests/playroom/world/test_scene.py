"""Drawing and sampling of scenes: deterministic, the same at every size, with exact masks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.playroom.world.contexts import CONTEXTS
from bench.playroom.world.scene import Drawing, PlacedToy, ToyScene, draw, sample_scene
from bench.playroom.world.toys import CLASSES, ToyIdentity


def toy(class_name: str, x: float = 0.5, y: float = 0.5, size: float = 0.5, **more: object) -> PlacedToy:
    return replace(PlacedToy(ToyIdentity(class_name, "red", "white", "striped"), x, y, size), **more)


def grown(mask: np.ndarray) -> np.ndarray:
    """The mask and its eight neighbours."""
    padded = np.pad(mask, 1)
    side = mask.shape[0]
    return np.any([padded[r : r + side, c : c + side] for r in range(3) for c in range(3)], axis=0)


def same(one: Drawing, other: Drawing) -> bool:
    return np.array_equal(one.picture, other.picture) and np.array_equal(one.masks, other.masks)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(("seen", "unseen")))
def test_a_scene_and_its_drawing_follow_from_the_seed_alone(seed: int, appearance: str) -> None:
    one, other = (sample_scene(np.random.default_rng(seed), appearance=appearance) for _ in range(2))
    assert one == other
    assert same(draw(one, 32), draw(other, 32))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 4), st.sampled_from((16, 33, 64)))
def test_masks_are_disjoint_and_one_a_toy(seed: int, count: int, size: int) -> None:
    drawing = draw(sample_scene(np.random.default_rng(seed), count=count), size)
    assert drawing.picture.shape == (size, size, 3)
    assert drawing.picture.dtype == np.uint8
    assert drawing.masks.shape == (count, size, size)
    assert drawing.masks.dtype == np.bool_
    assert drawing.masks.sum(axis=0).max(initial=0) <= 1


@pytest.mark.parametrize("class_name", CLASSES)
def test_every_class_covers_the_same_share_of_the_square_of_its_size(class_name: str) -> None:
    mask = draw(ToyScene((toy(class_name, size=0.6),), None, 0), 128).masks[0]
    assert mask.mean() == pytest.approx(0.85 * 0.6**2, rel=0.04)  # .80 for the shape, the rest its outline


def test_a_ball_is_an_ellipse_of_its_place_and_stretch() -> None:
    ball = toy("ball", x=0.4, y=0.6, size=0.5)
    mask = draw(ToyScene((replace(ball, identity=replace(ball.identity, aspect=1.15)),), None, 0), 200).masks[0]
    y, x = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    wide, high = len(x), len(y)
    assert (x.mean() + 0.5, y.mean() + 0.5) == pytest.approx((80, 120), abs=1)
    assert mask.sum() == pytest.approx(np.pi / 4 * wide * high, rel=0.02)
    assert wide / high == pytest.approx(1.15, rel=0.03)


def test_a_toy_behind_loses_exactly_what_the_one_in_front_covers() -> None:
    back, front = toy("house", 0.42), toy("ball", 0.6)
    (alone_back,) = draw(ToyScene((back,), "in the snow", 3), 120).masks
    (alone_front,) = draw(ToyScene((front,), "in the snow", 3), 120).masks
    both = draw(ToyScene((back, front), "in the snow", 3), 120).masks
    assert np.array_equal(both[1], alone_front)
    assert not (both[0] & ~alone_back).any()
    lost = alone_back & ~both[0]
    assert lost.any()
    assert not (lost & ~grown(alone_front)).any()
    assert not (alone_back & ~grown(alone_front) & ~both[0]).any()


def test_a_hidden_toy_has_an_empty_mask() -> None:
    masks = draw(ToyScene((toy("ball", size=0.3), toy("ball", size=0.6)), None, 0), 64).masks
    assert not masks[0].any()


def test_the_colour_of_a_toy_changes_pixels_of_its_mask_alone() -> None:
    red = toy("fish")
    blue = replace(red, identity=replace(red.identity, first="blue", second="green"))
    before, after = (draw(ToyScene((fish,), "at the beach", 1), 96) for fish in (red, blue))
    changed = (before.picture != after.picture).any(axis=2)
    assert np.array_equal(before.masks, after.masks)
    assert not (changed & ~grown(before.masks[0])).any()
    assert changed.sum() > 0.6 * before.masks[0].sum()


def test_the_hole_of_a_handle_shows_the_background() -> None:
    mask = draw(ToyScene((toy("mug", size=0.7),), None, 0), 128).masks[0]
    row = mask[64].astype(int)
    assert (np.diff(row) == 1).sum() == 2  # the cup and, beyond the hole, the handle


def test_flipping_mirrors_the_mask() -> None:
    left, right = (draw(ToyScene((toy("duck", flip=flip),), None, 0), 64).masks[0] for flip in (False, True))
    assert not np.array_equal(left, right)
    assert (left ^ right[:, ::-1]).mean() < 0.01


def test_a_quarter_turn_turns_the_mask_clockwise() -> None:
    upright, turned = (draw(ToyScene((toy("boat", angle=a),), None, 0), 64).masks[0] for a in (0.0, 90.0))
    assert (np.rot90(upright, -1) ^ turned).mean() < 0.01


@pytest.mark.parametrize("context", [*CONTEXTS, None])
def test_the_picture_is_the_same_at_every_size(context: str | None) -> None:
    scene = sample_scene(np.random.default_rng(4), count=2, context=context)
    small, large = draw(scene, 64), draw(scene, 256)
    reduced = large.picture.reshape(64, 4, 64, 4, 3).mean(axis=(1, 3))
    difference = np.abs(reduced - small.picture).mean()
    assert difference < 5
    assert difference < 0.5 * np.abs(np.roll(reduced, 1, axis=1) - small.picture).mean()
    assert large.masks.mean(axis=(1, 2)) == pytest.approx(small.masks.mean(axis=(1, 2)), rel=0.05)


def test_sampling_honours_count_and_context() -> None:
    rng = np.random.default_rng(0)
    for count in range(5):
        scene = sample_scene(rng, count=count, context="in the jungle")
        assert len(scene.toys) == count
        assert scene.context == "in the jungle"
    assert sample_scene(rng, context=None).context is None


def test_scenes_mostly_have_one_or_two_toys_and_every_context() -> None:
    rng = np.random.default_rng(1)
    scenes = [sample_scene(rng) for _ in range(600)]
    counts = np.bincount([len(scene.toys) for scene in scenes], minlength=5) / len(scenes)
    assert counts[1] + counts[2] > 0.7
    assert (counts > 0.01).all()
    assert {scene.context for scene in scenes} == {*CONTEXTS, None}
    distinct = [len({t.identity.class_name for t in s.toys}) == len(s.toys) for s in scenes]
    assert np.mean(distinct) > 0.95


def test_sampled_toys_stay_mostly_visible() -> None:
    rng = np.random.default_rng(2)
    shares = []
    for _ in range(60):
        scene = sample_scene(rng, count=int(rng.integers(2, 5)))
        masks = draw(scene, 48).masks
        for seen, part in zip(masks, scene.toys, strict=True):
            shares.append(seen.sum() / draw(ToyScene((part,), None, 0), 48).masks[0].sum())
    assert np.quantile(shares, 0.05) > 0.6
    assert min(shares) > 0.3


def test_a_pixel_is_a_toy_s_where_the_toy_covers_most_of_it() -> None:
    scene = ToyScene((toy("star", size=0.7), toy("duck", 0.7, 0.7, 0.4)), None, 0)
    coarse, fine = draw(scene, 32).masks, draw(scene, 640).masks
    covered = fine.reshape(2, 32, 20, 32, 20).mean(axis=(2, 4))
    assert coarse[covered > 0.8].all()
    assert not coarse[covered < 0.2].any()


def test_two_periods_of_stripes_are_four_bands_that_turn_with_the_toy() -> None:
    ball = toy("ball", size=0.6)
    ball = replace(ball, identity=replace(ball.identity, repeat=2.0))
    upright, turned = (draw(ToyScene((replace(ball, angle=a),), None, 0), 400) for a in (0.0, 90.0))
    # a line beside the cap; white has much green, red and the dark outline have little
    column = upright.picture[:, 140, 1][upright.masks[0][:, 140]] > 128
    assert column[np.flatnonzero(np.diff(column, prepend=not column[0]))].tolist() == [
        False,
        True,
        False,
        True,
        False,
    ]
    row = turned.picture[140, :, 1][turned.masks[0][140]] > 128
    assert np.count_nonzero(np.diff(row)) == np.count_nonzero(np.diff(column)) == 4
    assert np.count_nonzero(np.diff(turned.picture[:, 140, 1][turned.masks[0][:, 140]] > 128)) < 4
