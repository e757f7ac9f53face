"""Who is who among found objects: answers worked by hand, and properties."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.scoring.instance_assignment import InstanceAssignment, swapped

CAT, DOG = 0, 1


def assignment(
    classes: tuple[int | None, ...], asked: tuple[int, ...], objects: tuple[int, ...], rows: list[list[float]]
) -> InstanceAssignment:
    return InstanceAssignment(classes, asked, objects, np.array(rows).reshape(len(objects), len(classes)))


def test_each_where_it_belongs() -> None:
    found = assignment((CAT, DOG), (0, 1), (CAT, DOG), [[0.9, 0.1], [0.2, 0.8]])
    assert [found.found_for(0), found.found_for(1)] == [(0,), (1,)]
    assert [found.being(0), found.being(1)] == [(0,), (1,)]
    assert found.intruders() is None


def test_an_object_never_stands_for_a_concept_of_another_class() -> None:
    """The cat looks like the scene's dog: it is still what was drawn as the cat, and it is swapped."""
    found = assignment((CAT, DOG), (0, 1), (CAT,), [[0.2, 0.8]])
    assert (found.found_for(0), found.found_for(1)) == ((0,), ())
    assert swapped([0.2, 0.8], 0) is True


def test_duplication_is_two_objects_that_are_one_concept() -> None:
    found = assignment((CAT, DOG), (0, 1), (CAT, CAT, DOG), [[0.9, 0.0], [0.7, 0.1], [0.0, 0.9]])
    assert (found.being(0), found.being(1)) == ((0, 1), (2,))


def test_intrusion_is_a_concept_that_was_not_asked_for() -> None:
    found = assignment((CAT, DOG, 2), (0,), (CAT, DOG), [[0.9, 0.0, 0.0], [0.0, 0.9, 0.0]])
    assert found.intruders() == (1,)
    assert assignment((CAT, DOG), (0,), (CAT,), [[0.9, 0.0]]).intruders() == ()


def test_intrusion_cannot_be_told_of_classes_that_the_segmenter_does_not_know() -> None:
    assert assignment((CAT, None), (0,), (CAT,), [[0.9, 0.9]]).intruders() is None


def test_two_concepts_of_one_class_share_no_object() -> None:
    found = assignment((CAT, CAT), (0, 1), (CAT, CAT), [[0.3, 0.7], [0.9, 0.2]])
    assert (found.found_for(0), found.found_for(1)) == ((1,), (0,))


def test_of_two_concepts_of_one_class_one_may_be_left_without_an_object() -> None:
    twice = assignment((CAT, CAT), (0, 1), (CAT, CAT), [[0.8, 0.7], [0.9, 0.2]])
    assert (twice.found_for(0), twice.found_for(1)) == ((0, 1), ())


def test_the_wrong_one_of_two_alike_was_found_for_the_one_asked_for_and_is_the_other() -> None:
    found = assignment((CAT, CAT), (0,), (CAT,), [[0.2, 0.9]])
    assert (found.found_for(0), found.being(0), found.being(1)) == ((0,), (), (0,))
    assert found.intruders() == (1,)


def test_a_concept_without_a_mask_gets_an_object_only_if_it_has_its_class_to_itself() -> None:
    assert assignment((CAT,), (0,), (CAT,), [[math.nan]]).found_for(0) == (0,)
    assert assignment((CAT, CAT), (0, 1), (CAT,), [[math.nan, -0.9]]).found_for(0) == ()


@pytest.mark.parametrize(
    ("similarity_to", "concept", "expected"),
    [
        ([0.9, 0.1], 0, False),
        ([0.1, 0.9], 0, True),
        ([0.5, 0.5], 0, False),
        ([0.9], 0, None),
        ([math.nan, 0.9], 0, None),
        ([0.9, math.nan], 0, None),
        ([0.4, math.nan, 0.5], 0, True),
    ],
)
def test_swapped(similarity_to: list[float], concept: int, expected: bool | None) -> None:
    assert swapped(similarity_to, concept) is expected


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_concepts_and_objects_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    concepts, objects = int(rng.integers(1, 5)), int(rng.integers(0, 6))
    classes, found = rng.integers(0, 3, concepts), rng.integers(0, 3, objects)
    asked = np.flatnonzero(rng.random(concepts) < 0.6)
    similarities = rng.uniform(-1, 1, (objects, concepts))
    one = assignment(tuple(classes), tuple(asked), tuple(found), similarities.tolist())
    to, of = rng.permutation(concepts), rng.permutation(objects)
    place = np.argsort(to)  # concept k is now at place[k]
    other = assignment(
        tuple(classes[to]), tuple(sorted(place[asked])), tuple(found[of]), similarities[of][:, to].tolist()
    )
    for concept in range(concepts):
        assert {int(of[k]) for k in other.being(place[concept])} == set(one.being(concept))
    for concept in asked:
        assert {int(of[k]) for k in other.found_for(place[concept])} == set(one.found_for(concept))
    mine, theirs = one.intruders(), other.intruders()
    assert (mine is None) == (theirs is None)
    assert {int(to[k]) for k in theirs or ()} == set(mine or ())


@given(st.integers(0, 2**32 - 1))
def test_every_object_of_a_class_asked_for_stands_for_one_concept_and_what_is_one_stands_for_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    classes, found = tuple(rng.integers(0, 2, 4)), tuple(rng.integers(0, 3, 5))
    asked = tuple(np.flatnonzero(rng.random(4) < 0.6))
    subject = assignment(classes, asked, found, rng.uniform(-1, 1, (5, 4)).tolist())
    standing = [number for concept in asked for number in subject.found_for(concept)]
    assert sorted(standing) == [k for k, kind in enumerate(found) if kind in {classes[concept] for concept in asked}]
    for concept in asked:
        assert set(subject.being(concept)) <= set(subject.found_for(concept))
