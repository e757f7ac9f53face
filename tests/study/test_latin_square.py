"""Williams' Latin squares."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from bench.study.latin_square import balanced_square


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 9])
def test_every_number_is_at_each_place_and_follows_each_other_one_equally_often(n: int) -> None:
    rows = balanced_square(n)
    assert all(sorted(row) == list(range(n)) for row in rows)
    places = Counter((place, number) for row in rows for place, number in enumerate(row))
    assert len(places) == n * n
    assert len(set(places.values())) == 1
    follows = Counter(pair for row in rows for pair in pairwise(row))
    assert len(follows) == n * (n - 1)
    assert len(set(follows.values())) <= 1
