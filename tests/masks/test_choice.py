"""Which instance is a word's and which concept a pixel is of, on masks drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest

from bench.core.errors import UserError
from bench.core.scenes import Mask
from bench.masks.choice import FoundInstance, chosen, ranked, without_overlaps


def drawn(*rows: str) -> Mask:
    return np.array([[character == "#" for character in row] for row in rows])


SMALL, LARGE, ELSEWHERE = drawn("#...", "...."), drawn(".###", ".###"), drawn("....", "##..")


def test_of_those_near_the_best_score_the_largest_comes_first() -> None:
    sure, near, doubtful = FoundInstance(SMALL, 1.0), FoundInstance(ELSEWHERE, 0.8), FoundInstance(LARGE, 0.79)
    assert ranked([doubtful, sure, near]) == [near, sure, doubtful]


def test_what_has_no_pixels_is_nowhere() -> None:
    assert ranked([FoundInstance(np.zeros((2, 4), bool), 1.0)]) == []


def test_scores_of_zero_are_ranked_by_size() -> None:
    small, large = FoundInstance(SMALL, 0.0), FoundInstance(LARGE, 0.0)
    assert ranked([small, large]) == [large, small]


def test_each_word_takes_its_own() -> None:
    cat, dog = FoundInstance(SMALL, 0.9), FoundInstance(LARGE, 0.5)
    assert chosen(["dog", "cat"], {"cat": [cat], "dog": [dog]}) == [dog, cat]


def test_a_word_given_twice_takes_the_next_instance_but_not_the_same_thing_again() -> None:
    first, again = FoundInstance(LARGE, 0.9), FoundInstance(drawn("..##", ".###"), 0.89)
    second = FoundInstance(ELSEWHERE, 0.5)
    assert chosen(["cat", "cat", "cat"], {"cat": [first, again, second]}) == [first, second, None]


def test_a_word_that_was_not_found_has_none() -> None:
    assert chosen(["cat"], {"cat": []}) == [None]


def test_a_shared_pixel_is_the_smaller_concepts() -> None:
    cat, table = drawn(".##.", "...."), drawn("####", "####")
    kept = without_overlaps(["table", "cat"], [table, cat])
    assert kept[1].tolist() == cat.tolist()
    assert kept[0].tolist() == drawn("#..#", "####").tolist()


def test_three_that_share_a_pixel_leave_it_to_the_smallest() -> None:
    one, two, three = drawn("#..."), drawn("##.."), drawn("####")
    kept = without_overlaps(["a", "b", "c"], [three, two, one])
    assert [mask.tolist() for mask in kept] == [drawn(row).tolist() for row in ("..##", ".#..", "#...")]


def test_masks_that_share_nothing_stay() -> None:
    kept = without_overlaps(["a", "b"], [SMALL, LARGE])
    assert [mask.tolist() for mask in kept] == [SMALL.tolist(), LARGE.tolist()]


def test_two_words_for_one_thing_are_refused() -> None:
    with pytest.raises(UserError, match=r"mask1 \(kitten\) lies almost wholly under mask0 \(cat\)"):
        without_overlaps(["cat", "kitten"], [LARGE, LARGE])


def test_a_tenth_is_too_little_to_keep_and_two_tenths_are_not() -> None:
    whole, most, less = np.ones((1, 10), bool), np.ones((1, 10), bool), np.ones((1, 10), bool)
    most[0, 9:], less[0, 8:] = False, False
    with pytest.raises(UserError, match="two concepts are one thing"):
        without_overlaps(["a", "b"], [whole, most])
    assert int(without_overlaps(["a", "b"], [whole, less])[0].sum()) == 2


def test_an_empty_mask_is_refused() -> None:
    with pytest.raises(UserError, match=r"mask1 \(cat\) is empty"):
        without_overlaps(["dog", "cat"], [LARGE, np.zeros((2, 4), bool)])
