"""Identities: seen and unseen looks share nothing, and every class has a silhouette of its own."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bench.playroom.world.motifs import MOTIFS as MOTIF_TESTS
from bench.playroom.world.scene import PlacedToy, ToyScene, draw
from bench.playroom.world.toys import (
    CLASSES,
    COLOURS,
    MOTIFS,
    UNSEEN_COLOURS,
    UNSEEN_MOTIFS,
    ToyIdentity,
    sample_toy_identity,
)


def silhouette(class_name: str, identity: ToyIdentity | None = None) -> np.ndarray:
    """The toy's mask, cut to its bounding box and brought to 48 x 48 pixels."""
    toy = PlacedToy(identity or ToyIdentity(class_name, "red", "red", "plain"), 0.5, 0.5, 0.6)
    mask = draw(ToyScene((toy,), None, 0), 96).masks[0]
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    cut = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.asarray(Image.fromarray(cut).resize((48, 48))) > 0


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_there_are_at_least_twelve_classes_of_one_word_each() -> None:
    assert len(set(CLASSES)) == len(CLASSES) >= 12
    assert all(name.isalpha() and name.islower() for name in CLASSES)


def test_the_silhouettes_of_any_two_classes_differ_also_when_both_fill_their_box() -> None:
    shapes = {name: silhouette(name) for name in CLASSES}
    worst = max(combinations(CLASSES, 2), key=lambda pair: overlap(shapes[pair[0]], shapes[pair[1]]))
    assert overlap(shapes[worst[0]], shapes[worst[1]]) < 0.83, worst


@pytest.mark.parametrize("class_name", CLASSES)
def test_proportions_move_a_silhouette_less_than_another_class_would(class_name: str) -> None:
    low, high = (silhouette(class_name, ToyIdentity(class_name, "red", "red", "plain", detail=d)) for d in (0.0, 1.0))
    plain = silhouette(class_name)
    nearest = max(overlap(plain, silhouette(name)) for name in CLASSES if name != class_name)
    assert min(overlap(plain, low), overlap(plain, high)) > nearest


def test_unseen_looks_share_no_motif_and_no_colour_with_seen_ones() -> None:
    assert not set(MOTIFS) & set(UNSEEN_MOTIFS)
    assert set(MOTIFS) | set(UNSEEN_MOTIFS) == set(MOTIF_TESTS)
    for colour in UNSEEN_COLOURS.values():
        assert min(np.linalg.norm(np.subtract(colour, seen)) for seen in COLOURS.values()) > 45


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(("seen", "unseen")))
def test_a_sampled_identity_has_the_looks_asked_for(seed: int, appearance: str) -> None:
    toy = sample_toy_identity(np.random.default_rng(seed), appearance)
    colours, motifs = (COLOURS, MOTIFS) if appearance == "seen" else (UNSEEN_COLOURS, UNSEEN_MOTIFS)
    assert toy.class_name in CLASSES
    assert toy.motif in motifs
    assert {toy.first, toy.second} <= set(colours)
    assert (toy.first == toy.second) == (toy.motif == "plain")
    assert 0.85 <= toy.aspect <= 1.18
    assert 0 <= toy.detail <= 1
    assert 2.2 <= toy.repeat <= 3.2


def test_sampling_reaches_every_class_motif_and_colour_and_keeps_a_class_asked_for() -> None:
    rng = np.random.default_rng(0)
    for appearance, colours, motifs in (("seen", COLOURS, MOTIFS), ("unseen", UNSEEN_COLOURS, UNSEEN_MOTIFS)):
        toys = [sample_toy_identity(rng, appearance) for _ in range(400)]
        assert {toy.class_name for toy in toys} == set(CLASSES)
        assert {toy.motif for toy in toys} == set(motifs)
        assert {toy.first for toy in toys} == set(colours)
    assert {sample_toy_identity(rng, "unseen", "duck").class_name for _ in range(20)} == {"duck"}


@pytest.mark.parametrize(
    ("motif", "second", "first"),
    [
        ("striped", (7.7, 0.25), (7.7, 0.75)),
        ("dotted", (0.5, 0.5), (0.0, 0.0)),
        ("checked", (0.1, 0.8), (0.1, 0.1)),
        ("zigzag", (0.5, 0.1), (0.0, 0.1)),
        ("rings", (0.0, 0.0), (0.6, 0.0)),
        ("diamonds", (0.5, 0.5), (0.1, 0.0)),
        ("halves", (0.1, 5.0), (-0.1, 5.0)),
        ("crossed", (0.1, 0.6), (0.6, 0.6)),
    ],
)
def test_a_motif_puts_the_second_colour_where_its_definition_says(
    motif: str, second: tuple[float, float], first: tuple[float, float]
) -> None:
    def at(spot: tuple[float, float]) -> bool:
        u, v = np.array([spot[0]], np.float32), np.array([[spot[1]]], np.float32)
        (value,) = MOTIF_TESTS[motif](u, v).ravel()
        return bool(value)

    assert at(second)
    assert not at(first)


def test_the_plain_motif_never_shows_the_second_colour() -> None:
    plane = np.linspace(-3, 3, 50, dtype=np.float32)
    assert not MOTIF_TESTS["plain"](plane[None], plane[:, None]).any()
