"""Seeds from named coordinates."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bench.core.seeds import seed_from


def test_a_known_seed() -> None:
    """SHA-256 of {"a":1,"b":"x"}, its first 8 bytes, shifted right once."""
    import hashlib

    expected = int.from_bytes(hashlib.sha256(b'{"a":1,"b":"x"}').digest()[:8], "big") >> 1
    assert seed_from(b="x", a=1) == expected


@given(st.integers(), st.integers(), st.text())
def test_other_coordinates_give_other_seeds(one: int, other: int, name: str) -> None:
    seeds = {seed_from(scene=name, seed=one), seed_from(scene=name, seed=other)}
    assert len(seeds) == len({one, other})
    assert all(0 <= seed < 2**63 for seed in seeds)
