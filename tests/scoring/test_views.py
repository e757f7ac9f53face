"""What is shown of an object, pixel by pixel."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest
import torch

from bench.scoring.comparison import BLACK, GREY, WHITE, Embedding, Fill, RegionView
from bench.scoring.features import FeatureCache, FeatureKey
from bench.scoring.models.identity import IdentityFeatures
from bench.scoring.models.segmenter import Segmentation
from bench.scoring.models.sources import ModelSource
from bench.scoring.views import boxed, masked, render_view

RED, BLUE = (200, 10, 20), (1, 2, 250)
EMBEDDING = Embedding(ModelSource("nowhere"))


@pytest.fixture
def picture() -> np.ndarray:
    """Blue, 4 high and 6 wide, with a red bar of 2 x 3 that starts in row 1, column 2."""
    drawn = np.full((4, 6, 3), BLUE, np.uint8)
    drawn[1:3, 2:5] = RED
    return drawn


@pytest.fixture
def bar() -> np.ndarray:
    mask = np.zeros((4, 6), bool)
    mask[1:3, 2:5] = True
    return mask


@pytest.mark.parametrize("fill", [BLACK, GREY, WHITE, (1, 2, 3)])
def test_the_fill_is_outside_and_the_object_untouched(picture: np.ndarray, bar: np.ndarray, fill: Fill) -> None:
    alone = masked(picture, bar, fill)
    assert alone.dtype == np.uint8
    assert (alone[bar] == RED).all()
    assert (alone[~bar] == fill).all()


def test_nothing_hidden_is_the_picture(picture: np.ndarray, bar: np.ndarray) -> None:
    assert np.array_equal(masked(picture, bar, None), picture)
    assert np.array_equal(render_view(picture, bar, RegionView(EMBEDDING, None, "picture")), picture)


def test_the_fills_are_those_named() -> None:
    assert (BLACK, GREY, WHITE) == ((0, 0, 0), (128, 128, 128), (255, 255, 255))


def test_a_wide_box_is_padded_below_first_and_never_stretched(picture: np.ndarray, bar: np.ndarray) -> None:
    """2 rows of 3 become 3 x 3: (3 - 2) // 2 = 0 rows above, 1 below."""
    box = boxed(picture, bar, WHITE)
    assert box.shape == (3, 3, 3)
    assert (box[:2] == RED).all()
    assert (box[2] == WHITE).all()


def test_a_tall_box_is_padded_on_both_sides(picture: np.ndarray) -> None:
    tall = np.zeros((4, 6), bool)
    tall[:, 3] = True
    box = boxed(picture, tall, GREY)
    assert box.shape == (4, 4, 3)
    assert np.array_equal(box[:, 1], picture[:, 3])
    assert (box[:, [0, 2, 3]] == GREY).all()


def test_a_square_box_is_cut_as_it_is(picture: np.ndarray) -> None:
    corners = np.zeros((4, 6), bool)
    corners[0, 0] = corners[3, 3] = True
    assert np.array_equal(boxed(picture, corners, None), picture[:4, :4])


def test_where_nothing_is_hidden_the_box_shows_what_is_beside_the_object_and_is_padded_black(
    picture: np.ndarray,
) -> None:
    ends = np.zeros((4, 6), bool)
    ends[1, 1] = ends[1, 4] = True
    shown = render_view(picture, ends, RegionView(EMBEDDING, None, "box"))
    assert shown.shape == (4, 4, 3)
    assert shown[1].tolist() == [list(BLUE), list(RED), list(RED), list(RED)]
    assert not shown[[0, 2, 3]].any()


def test_the_box_of_a_filled_picture_hides_what_is_beside_the_object(picture: np.ndarray) -> None:
    ends = np.zeros((4, 6), bool)
    ends[1, 1] = ends[1, 4] = True
    shown = render_view(picture, ends, RegionView(EMBEDDING, GREY, "box"))
    assert shown[1].tolist() == [list(BLUE), list(GREY), list(GREY), list(RED)]


def test_an_empty_mask_has_no_box(picture: np.ndarray) -> None:
    with pytest.raises(ValueError, match="no bounding box"):
        boxed(picture, np.zeros((4, 6), bool))


def test_a_detectors_box_is_shown_whole(picture: np.ndarray, bar: np.ndarray) -> None:
    """Its own, larger or smaller than the mask's; what lies in it outside the mask is filled, if there is a fill."""
    view = RegionView(EMBEDDING, None, "box")
    assert np.array_equal(render_view(picture, bar, view, (1, 0, 5, 4)), picture[0:4, 1:5])
    assert np.array_equal(render_view(picture, bar, view), boxed(picture, bar, None))
    filled = render_view(picture, bar, RegionView(EMBEDDING, GREY, "box"), (1, 0, 5, 4))
    assert np.array_equal(filled, masked(picture, bar, GREY)[0:4, 1:5])


def test_features_of_objects_are_of_the_detectors_box(picture: np.ndarray, bar: np.ndarray) -> None:
    seen: list[np.ndarray] = []

    class Model:
        def features(self, pictures: Sequence[np.ndarray]) -> torch.Tensor:
            seen.extend(pictures)
            return torch.zeros(len(pictures), 2)

    found = Segmentation(bar.astype(np.int32), {1: 0}, {1: (0, 1, 3, 4)})
    cache = FeatureCache([picture], [found], {EMBEDDING: cast("IdentityFeatures", Model())}, 4)
    cache.take([FeatureKey(0, (1,), RegionView(EMBEDDING, None, "box"))])
    assert np.array_equal(seen[0], picture[1:4, 0:3])
