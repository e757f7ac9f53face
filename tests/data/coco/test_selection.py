"""The selection: by hash, by the mix, and what is taken where the pool is too small."""

import hashlib
from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.core.errors import UserError
from bench.core.geometry import Square
from bench.data.coco import masks, selection
from bench.data.coco.funnel import Candidate
from bench.data.coco.index import Annotation, Photo
from bench.data.coco.rules import Instance

EMPTY = masks.encode(np.zeros((1, 1), dtype=np.bool_))


def candidate(image: int, concepts: int = 2, split: str = "train") -> Candidate:
    photo = Photo(image, split, f"{image}.jpg", 9, 9, None, "")
    annotation = Annotation(image, image, 1, False, (array("d"),))
    return Candidate(photo, Square(0, 0, 9), (Instance(annotation, "cat", EMPTY, 1),) * concepts)


def test_the_order_is_that_of_the_hash_of_seed_split_and_id() -> None:
    pool = [candidate(k) for k in range(1, 30)]
    expected = sorted(range(1, 30), key=lambda k: hashlib.sha256(f"7:train:{k}".encode()).digest())
    assert [c.photo.id for c in selection.hash_order(pool, 7)] == expected
    assert [c.photo.id for c in selection.hash_order(pool, 8)] != expected


@given(st.permutations(range(12)), st.integers(0, 5))
def test_the_order_of_the_pool_does_not_matter(order: list[int], seed: int) -> None:
    pool = [candidate(k, concepts=2 + k % 3, split="ab"[k % 2]) for k in range(12)]
    chosen = selection.select(pool, {2: 2, 3: 1, 4: 1}, seed).chosen
    assert selection.select([pool[k] for k in order], {2: 2, 3: 1, 4: 1}, seed).chosen == chosen


def test_the_same_id_in_two_splits_is_two_images() -> None:
    assert len(selection.select([candidate(1), candidate(1, split="val")], {2: 2}, 0).chosen) == 2


def test_the_mix_is_met_by_the_first_of_each_number_in_hash_order() -> None:
    pool = [candidate(k, concepts=2 + k % 3) for k in range(300)]
    chosen = selection.select(pool, selection.quotas((30, 15, 5), 50), 0)
    assert chosen.as_mixed
    ordered = selection.hash_order(pool, 0)
    for concepts, count in ((2, 30), (3, 15), (4, 5)):
        expected = [c.photo.id for c in ordered if len(c.concepts) == concepts][:count]
        assert [c.photo.id for c in chosen.chosen if len(c.concepts) == concepts] == expected
    positions = [ordered.index(c) for c in chosen.chosen]
    assert positions == sorted(positions)


def test_a_pool_without_the_mix_gives_the_first_in_hash_order() -> None:
    pool = [candidate(k, concepts=2 + (k < 3)) for k in range(20)]
    chosen = selection.select(pool, {2: 6, 3: 3, 4: 1}, 0)
    assert not chosen.as_mixed
    assert chosen.available == {3: 3, 2: 17}
    assert chosen.chosen == tuple(selection.hash_order(pool, 0)[:10])
    assert selection.select(pool[:4], {2: 6, 3: 3, 4: 1}, 0).chosen == tuple(selection.hash_order(pool[:4], 0))


@pytest.mark.parametrize(
    ("mix", "scenes", "expected"),
    [
        ((30, 15, 5), 50, {2: 30, 3: 15, 4: 5}),
        ((30, 15, 5), 10, {2: 6, 3: 3, 4: 1}),
        ((30, 15, 5), 12, {2: 7, 3: 4, 4: 1}),  # 7.2, 3.6, 1.2
        ((1, 0, 0), 6, {2: 6, 3: 0, 4: 0}),
        ((20, 30, 0), 50, {2: 20, 3: 30, 4: 0}),
    ],
)
def test_the_mix_is_scaled_to_the_number_of_scenes(mix: tuple[int, ...], scenes: int, expected: dict[int, int]) -> None:
    assert selection.quotas(mix, scenes) == expected


@given(st.tuples(*[st.integers(0, 99)] * 3).filter(any), st.integers(1, 200))
def test_quotas_add_up_and_are_within_one_of_their_share(mix: tuple[int, ...], scenes: int) -> None:
    counts = selection.quotas(mix, scenes)
    assert sum(counts.values()) == scenes
    for share, count in zip(mix, counts.values(), strict=True):
        assert abs(count - scenes * share / sum(mix)) < 1


def test_a_mix_of_five_is_of_scenes_with_up_to_six_concepts() -> None:
    assert selection.parse_mix("0,0,0,1,3") == (0, 0, 0, 1, 3)
    assert selection.quotas((0, 0, 0, 1, 3), 8) == {2: 0, 3: 0, 4: 0, 5: 2, 6: 6}


def test_a_mix_is_three_whole_numbers() -> None:
    assert selection.parse_mix("30,15,5") == (30, 15, 5)
    assert selection.parse_mix("1, 0, 0") == (1, 0, 0)
    for text in ("", "30", "30,15", "1,2,3,4", "0,0,0", "a,b,c", "-1,2,3", "1.5,1,1"):
        with pytest.raises(UserError, match="--mix"):
            selection.parse_mix(text)
