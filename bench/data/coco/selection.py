"""Selects scenes from the pool by a hash of seed and image id, independent of a file's order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench.core.errors import UserError
from bench.core.hashing import bytes_hash
from bench.data.coco.funnel import Candidate
from bench.data.coco.rules import CROWDED, FEWEST_CONCEPTS, MOST_CONCEPTS


@dataclass(frozen=True, eq=False)
class Selection:
    """The chosen images in hash order; `wanted` and `available` count them by number of concepts."""

    chosen: tuple[Candidate, ...]
    wanted: dict[int, int]
    available: dict[int, int]
    as_mixed: bool


def parse_mix(text: str) -> tuple[int, ...]:
    """Parse the shares of scenes with two, three and four concepts, such as `30,15,5`; or with two to six: `1,1,1,1,1`.

    Raises `UserError` for anything else.
    """
    parts = text.split(",")
    shares = [int(part) for part in parts if part.strip().isdecimal()]
    lengths = [most - FEWEST_CONCEPTS + 1 for most in (MOST_CONCEPTS, CROWDED)]
    if len(shares) != len(parts) or len(shares) not in lengths or not sum(shares):
        raise UserError(
            f"--mix {text}: write three whole numbers, the shares of 2, 3 and 4 concepts: 30,15,5 (or five, of 2 to 6)"
        )
    return tuple(shares)


def quotas(mix: Sequence[int], scenes: int) -> dict[int, int]:
    """The number of scenes with 2, 3, 4 (5, 6) concepts: the mix scaled to `scenes` by largest remainders."""
    total = sum(mix)
    counts = {k: share * scenes // total for k, share in enumerate(mix, start=FEWEST_CONCEPTS)}
    remainder = {k: share * scenes % total for k, share in enumerate(mix, start=FEWEST_CONCEPTS)}
    for k in sorted(remainder, key=lambda k: (-remainder[k], k))[: scenes - sum(counts.values())]:
        counts[k] += 1
    return counts


def hash_order(pool: Sequence[Candidate], seed: int) -> list[Candidate]:
    """The pool ordered by the SHA-256 of seed, split and image id."""

    def key(candidate: Candidate) -> str:
        return bytes_hash(f"{seed}:{candidate.photo.split}:{candidate.photo.id}".encode())

    return sorted(pool, key=key)


def select(pool: Sequence[Candidate], wanted: dict[int, int], seed: int) -> Selection:
    """The first in hash order for each number of concepts; if the pool lacks the mix, the first of all."""
    ordered = hash_order(pool, seed)
    available = Counter(len(candidate.concepts) for candidate in pool)
    as_mixed = all(available[number] >= count for number, count in wanted.items())
    chosen = _by_quota(ordered, wanted) if as_mixed else ordered[: sum(wanted.values())]
    return Selection(tuple(chosen), wanted, dict(available), as_mixed)


def _by_quota(ordered: Sequence[Candidate], wanted: dict[int, int]) -> list[Candidate]:
    open_places = dict(wanted)
    chosen: list[Candidate] = []
    for candidate in ordered:
        number = len(candidate.concepts)
        if open_places.get(number, 0):
            open_places[number] -= 1
            chosen.append(candidate)
    return chosen
