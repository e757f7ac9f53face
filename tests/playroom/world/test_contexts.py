"""The ten contexts: Break-A-Scene's words, each with variety and unlike the others."""

import numpy as np
import pytest

from bench.playroom.world.canvas import Canvas
from bench.playroom.world.contexts import CONTEXTS, paint_background
from bench.playroom.world.scene import ToyScene, draw


def thumbnail(context: str | None, seed: int) -> np.ndarray:
    """The background's mean colours in 8 x 8 fields."""
    picture = draw(ToyScene((), context, seed), 64).picture.astype(float)
    return picture.reshape(8, 8, 8, 8, 3).mean(axis=(1, 3)).ravel()


def test_the_contexts_are_the_ten_of_break_a_scene() -> None:
    assert set(CONTEXTS) == {
        "at the beach",
        "in the jungle",
        "in the snow",
        "in the street",
        "on top of a pink fabric",
        "on top of a wooden floor",
        "with a city in the background",
        "with a mountain in the background",
        "with the Eiffel tower in the background",
        "floating on top of water",
    }


def test_a_context_is_told_by_its_nearest_mean_picture() -> None:
    means = np.array([np.mean([thumbnail(c, seed) for seed in range(6)], axis=0) for c in CONTEXTS])
    for number, context in enumerate(CONTEXTS):
        for seed in range(100, 108):
            distances = np.linalg.norm(means - thumbnail(context, seed), axis=1)
            assert distances.argmin() == number, (context, seed)


@pytest.mark.parametrize("context", [*CONTEXTS, None])
def test_a_context_varies_with_the_seed(context: str | None) -> None:
    first, second = (draw(ToyScene((), context, seed), 64).picture.astype(int) for seed in (0, 1))
    assert np.abs(first - second).mean() > 2


def test_no_context_is_one_solid_colour() -> None:
    picture = draw(ToyScene((), None, 5), 32).picture
    assert (picture == picture[0, 0]).all()


def test_an_unknown_context_is_refused() -> None:
    with pytest.raises(KeyError):
        paint_background(Canvas(8), "on the moon", np.random.default_rng(0))
