"""A start says what its fits need and refuses, with the way out, what cannot fit."""

from __future__ import annotations

import pytest

from bench.core.errors import UserError
from bench.run.memory_check import GIB, memory_line

NEEDS = {"ours": 19 * GIB, "ti-m": 9 * GIB}
LOW = {"ours": 10 * GIB, "ti-m": 8 * GIB}


def test_what_fits_is_said_in_one_line() -> None:
    line = memory_line(NEEDS, LOW, 24 * GIB)
    assert line == "memory of fits (predicted): ours 19 GiB, ti-m 9 GiB; the GPU has 24 GiB"


@pytest.mark.parametrize(
    ("capacity", "told"),
    [
        (16, "ours cannot fit; --memory low needs 10 GiB"),
        (8, "ours, ti-m cannot fit, nor with --memory low; take a larger GPU or --device cpu"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_way_out(capacity: int, told: str) -> None:
    with pytest.raises(UserError, match=f"the GPU has {capacity} GiB: {told}"):
        memory_line(NEEDS, LOW, capacity * GIB)
