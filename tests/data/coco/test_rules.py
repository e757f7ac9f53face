"""Break-A-Scene's rules, each on cases worked out by hand."""

from array import array
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.core.geometry import Square, centred_square
from bench.data.coco import masks, rules
from bench.data.coco.index import Annotation
from bench.data.coco.rules import Instance


def instance(number: int, label: str, pixels: int) -> Instance:
    annotation = Annotation(number, 1, 1, False, (array("d"),))
    return Instance(annotation, label, masks.encode(np.zeros((1, 1), dtype=np.bool_)), pixels)


@pytest.mark.parametrize(
    ("width", "height", "box"),
    [
        (640, 480, (80, 0, 560, 480)),
        (640, 482, (79, 0, 561, 482)),
        (640, 427, (106, 0, 533, 427)),  # 213 / 2 = 106.5: rounded down
        (375, 500, (0, 62, 375, 437)),  # 125 / 2 = 62.5: rounded down
        (500, 500, (0, 0, 500, 500)),
        (1, 3, (0, 1, 1, 2)),
    ],
)
def test_the_centred_square_starts_at_half_the_difference_rounded_down(
    width: int, height: int, box: tuple[int, int, int, int]
) -> None:
    assert centred_square(width, height).box == box


def test_fifteen_percent_counts_and_a_pixel_less_does_not() -> None:
    assert rules.fills(1500, 100)
    assert not rules.fills(1499, 100)
    # 0.15 * 20 * 20 is 60 exactly, but 0.15 has no exact binary form.
    assert rules.fills(60, 20)
    assert not rules.fills(59, 20)
    assert rules.fills(400, 100, Fraction(1, 25))
    assert not rules.fills(399, 100, Fraction(1, 25))


@given(st.integers(1, 4000), st.integers(0, 2))
def test_the_border_is_exact_at_every_size(side: int, extra: int) -> None:
    border = -(-15 * side * side // 100)
    assert rules.fills(border + extra, side)
    assert not rules.fills(border - 1 - extra, side)


def test_of_one_class_the_largest_stays_and_of_equals_the_smaller_id() -> None:
    kept = rules.largest_of_each_class(
        [instance(4, "cat", 10), instance(2, "cat", 30), instance(1, "dog", 20), instance(9, "cat", 30)]
    )
    assert [(one.label, one.annotation.id) for one in kept] == [("cat", 2), ("dog", 1)]


def test_the_order_of_the_file_does_not_matter() -> None:
    group = [instance(4, "cat", 10), instance(2, "dog", 10), instance(3, "cup", 10)]
    assert [one.annotation.id for one in rules.by_size(group)] == [2, 3, 4]
    assert rules.by_size(group[::-1]) == rules.by_size(group)


def strip(
    left: int, right: int, height: int = 10, width: int = 30
) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
    mask = np.zeros((height, width), dtype=np.bool_)
    mask[:, left:right] = True
    return mask


def test_the_best_window_holds_more_concepts_than_the_centred_one() -> None:
    # 15 % are 1.5 columns: at offset 2 alone the window holds two of each, at the centre only the cat.
    cat, dog = strip(10, 14), strip(0, 4)
    assert rules.best_square(30, 10, ["cat", "dog"], [cat, dog]) == Square(2, 0, 10)


def test_the_best_window_of_a_tall_picture_moves_down() -> None:
    cat, dog = strip(26, 30).T, strip(22, 26).T
    assert rules.best_square(10, 30, ["cat", "dog"], [cat, dog]) == Square(0, 20, 10)


def test_of_equal_windows_the_one_nearest_to_the_centre_is_taken() -> None:
    # Both fit whole into the windows at 5..11; the centred one is at 10.
    assert rules.best_square(30, 10, ["cat", "dog"], [strip(11, 13), strip(13, 15)]) == Square(10, 0, 10)
    assert rules.best_square(30, 10, ["cat", "dog"], [strip(0, 4), strip(4, 8)]) == Square(0, 0, 10)


def test_two_of_one_class_are_one_concept() -> None:
    # The window at 0 is full of two cats, the one at 20 holds a cat and a smaller dog.
    both = rules.best_square(30, 10, ["cat", "cat", "dog"], [strip(0, 5), strip(22, 27), strip(27, 30)])
    assert both == Square(20, 0, 10)


def test_of_windows_with_as_many_concepts_the_one_with_most_of_them_is_taken() -> None:
    # Both are seen from offset 5 to 11, but whole at 8 only.
    assert rules.best_square(30, 10, ["cat", "dog"], [strip(8, 13), strip(13, 18)]) == Square(8, 0, 10)


def test_no_more_than_four_concepts_pull_the_window() -> None:
    # Five classes fill the left window; the four largest cover 8 of its columns, those on the right all ten.
    left = [strip(2 * k, 2 * k + 2) for k in range(5)]
    right = [strip(20, 23), strip(23, 26), strip(26, 28), strip(28, 30)]
    labels = [*"abcde", *"abcd"]
    assert rules.best_square(30, 10, labels, [*left, *right]) == Square(20, 0, 10)
