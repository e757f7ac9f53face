"""The gallery's choice of prompts."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bench.reporting.gallery import spread


def test_few_prompts_are_all_shown() -> None:
    assert spread(6, 12) == [0, 1, 2, 3, 4, 5]


@given(st.integers(1, 500), st.integers(1, 60))
def test_many_prompts_are_spread_evenly(total: int, most: int) -> None:
    chosen = spread(total, most)
    assert len(chosen) == min(total, most)
    assert chosen[0] == 0
    assert chosen[-1] < total
    steps = {after - before for before, after in pairwise(chosen)}
    assert not steps or (min(steps) >= 1 and max(steps) - min(steps) <= 1)
