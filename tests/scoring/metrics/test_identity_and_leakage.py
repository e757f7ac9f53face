"""The identity and leakage columns by hand: a segmenter that is told, an embedding that adds up colours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from bench.core.scenes import Concept, Prompt, Scene
from bench.plugins.metric import PictureJob
from bench.plugins.spec import configure
from bench.scoring.comparison import (
    FILL_BLACK,
    INSTANCES_BEST,
    INSTANCES_UNION,
    ON_THE_PICTURE,
    Embedding,
    embedding,
)
from bench.scoring.evaluators import Evaluators
from bench.scoring.models.segmenter import Segmentation
from bench.scoring.models.sources import LpipsSource, ModelSource
from bench.scoring.presets import Preset
from bench.scoring.scorer import Scorer

SIDE = 8
RED, GREEN, BLUE, MIXED = (250, 0, 0), (0, 250, 0), (0, 0, 250), (150, 200, 0)  # MIXED: .6 red, .8 green
CLASSES = ("cat", "dog", "bird")
NOWHERE = ModelSource("nowhere")
PRESET = Preset("fake", "told", NOWHERE, NOWHERE, NOWHERE, LpipsSource("none"))
OTHER = Embedding(ModelSource("elsewhere"), "clip")


@dataclass
class Told:
    """Knows cats, dogs and birds, and finds in a picture what it was told."""

    found: Segmentation

    def class_index(self, word: str) -> int | None:
        return CLASSES.index(word) if word in CLASSES else None

    def segment(self, pictures: Sequence[np.ndarray]) -> list[Segmentation]:
        return [self.found for _ in pictures]


@dataclass
class Colours:
    """Features: the sum of a picture's colours, each with its gain, normalised; black adds nothing."""

    gains: tuple[float, ...] = (1, 1, 1)
    seen: list[np.ndarray] = field(default_factory=list)

    def features(self, pictures: Sequence[np.ndarray]) -> torch.Tensor:
        self.seen += pictures
        sums = np.stack([picture.reshape(-1, 3).sum(axis=0, dtype=float) * self.gains for picture in pictures])
        return normalize(torch.tensor(sums, dtype=torch.float32), dim=-1)


Object = tuple[str, slice, tuple[int, int, int]]
"""Class, columns and colour of an object as high as the picture."""


def drawn(*objects: Object) -> tuple[np.ndarray, Segmentation]:
    """Objects on white, and what a perfect segmenter says of them."""
    picture, ids = np.full((SIDE, SIDE, 3), 255, np.uint8), np.zeros((SIDE, SIDE), np.int32)
    for number, (_, columns, colour) in enumerate(objects, start=1):
        picture[:, columns], ids[:, columns] = colour, number
    return picture, Segmentation(ids, {k: CLASSES.index(kind) for k, (kind, _, _) in enumerate(objects, start=1)})


def scene_of(*objects: Object) -> Scene:
    picture, found = drawn(*[(kind if kind in CLASSES else "cat", *rest) for kind, *rest in objects])
    concepts = [Concept(kind, found.ids == k, f"[v{k}]") for k, (kind, _, _) in enumerate(objects, start=1)]
    return Scene("told", picture, tuple(concepts))


CAT_AND_DOG = scene_of(("cat", slice(0, 3), RED), ("dog", slice(4, 8), GREEN))
TWO_CATS = scene_of(("cat", slice(0, 3), RED), ("cat", slice(4, 8), GREEN))


def columns(
    scene: Scene, subset: tuple[int, ...], *objects: Object, preset: Preset = PRESET, batch_size: int = 8
) -> list[dict[str, object]]:
    """The rows of one picture, one per concept of the subset."""
    picture, found = drawn(*objects)
    embeddings = {preset.comparison.view.embedding: Colours(), OTHER: Colours((2, 1, 1))}
    subject = scorer(preset, found, embeddings, batch_size)
    return subject.score([PictureJob(scene, Prompt("{tokens}", subset), picture)])


def scorer(preset: Preset, found: Segmentation, embeddings: dict[Embedding, Colours], batch_size: int = 8) -> Scorer:
    evaluators = Evaluators(preset, torch.device("cpu"), batch_size)
    evaluators.segmenter, evaluators.embeddings = Told(found), embeddings
    return Scorer(evaluators, [configure("metrics", name) for name in ("identity-similarity", "leakage")])


def test_everyone_where_they_belong() -> None:
    cat, dog = columns(CAT_AND_DOG, (0, 1), ("dog", slice(0, 2), GREEN), ("cat", slice(5, 8), RED))
    for entry, row in ((cat, [1, 0]), (dog, [0, 1])):
        assert entry["identity_similarity"] == pytest.approx(1)
        assert entry["similarity_to"] == pytest.approx(row)
        assert (entry["detected"], entry["instances"], entry["reason"]) == (True, 1, "")
        assert (entry["duplicated"], entry["swapped"]) == (False, False)
        assert (entry["intruded"], entry["intruders"]) == (None, "")


def test_a_swap() -> None:
    """The cat has more of the dog than of the cat, the dog is as it should be."""
    cat, dog = columns(CAT_AND_DOG, (0, 1), ("cat", slice(0, 4), MIXED), ("dog", slice(4, 6), GREEN))
    assert cat["similarity_to"] == pytest.approx([0.6, 0.8])
    assert cat["identity_similarity"] == pytest.approx(0.6)
    assert (cat["swapped"], dog["swapped"]) == (True, False)


def test_an_omission() -> None:
    cat, dog = columns(CAT_AND_DOG, (0, 1), ("cat", slice(0, 4), RED))
    assert (cat["detected"], dog["detected"]) == (True, False)
    assert dog["reason"] == "no 'dog' found in the picture"
    assert math.isnan(dog["identity_similarity"])
    assert (dog["instances"], dog["duplicated"], dog["swapped"], dog["similarity_to"]) == (0, None, None, None)
    # red on half the picture, white on the other: 4 columns of (250, 0, 0), 4 of (255, 255, 255)
    whole = np.array([250 + 255, 255, 255])
    assert dog["identity_whole_picture"] == pytest.approx(whole[1] / np.linalg.norm(whole))


def test_a_duplication() -> None:
    (cat,) = columns(CAT_AND_DOG, (0,), ("cat", slice(0, 2), RED), ("cat", slice(3, 6), MIXED))
    assert (cat["instances"], cat["duplicated"]) == (2, True)
    assert cat["identity_similarity"] == pytest.approx(0.6), "the larger one counts"


def test_an_intrusion_is_said_of_all_rows_of_the_picture() -> None:
    three = scene_of(("cat", slice(0, 2), RED), ("dog", slice(3, 5), GREEN), ("bird", slice(6, 8), BLUE))
    entries = columns(
        three, (0, 1), ("cat", slice(0, 2), RED), ("dog", slice(2, 4), GREEN), ("bird", slice(4, 6), BLUE)
    )
    assert [(entry["intruded"], entry["intruders"]) for entry in entries] == [(True, "2")] * 2
    (alone,) = columns(three, (0,), ("cat", slice(0, 2), RED))
    assert (alone["intruded"], alone["intruders"]) == (False, "")


def test_two_of_one_class_get_their_own_objects() -> None:
    first, second = columns(TWO_CATS, (0, 1), ("cat", slice(0, 2), GREEN), ("cat", slice(2, 8), RED))
    assert (first["identity_similarity"], second["identity_similarity"]) == pytest.approx((1, 1))
    assert (first["instances"], second["instances"]) == (1, 1)


def test_two_of_one_class_do_not_share_one_object() -> None:
    first, second = columns(TWO_CATS, (0, 1), ("cat", slice(0, 4), MIXED))
    assert (first["detected"], second["detected"]) == (False, True)
    assert first["reason"] == "no second 'cat' found: all are more like another one that was asked for"
    assert second["identity_similarity"] == pytest.approx(0.8)


def test_one_of_two_alike_is_found_whenever_its_class_is() -> None:
    """Only the red cat was asked for; the one that is there is the green one: a swap and an intrusion."""
    (cat,) = columns(TWO_CATS, (0,), ("cat", slice(0, 4), MIXED))
    assert (cat["detected"], cat["instances"], cat["duplicated"]) == (True, 0, False)
    assert cat["identity_similarity"] == pytest.approx(0.6)
    assert (cat["swapped"], cat["intruded"], cat["intruders"]) == (True, True, "1")


def test_what_the_segmenter_does_not_know_is_unknown_everywhere() -> None:
    with_thing = scene_of(("thing", slice(0, 3), RED), ("cat", slice(4, 8), GREEN))
    thing, _ = columns(with_thing, (0, 1), ("cat", slice(0, 4), GREEN))
    assert thing["reason"] == "segmenter does not know 'thing'"
    assert math.isnan(thing["identity_similarity"])
    nothing = ("detected", "instances", "duplicated", "swapped", "similarity_to", "intruded")
    assert [thing[name] for name in nothing] == [None] * len(nothing)
    assert math.isfinite(thing["identity_whole_picture"])


def test_an_empty_mask_in_the_scene_compares_with_nothing() -> None:
    cat, dog = CAT_AND_DOG.concepts
    maskless = replace(CAT_AND_DOG, concepts=(replace(cat, mask=np.zeros_like(cat.mask)), dog))
    entry, other = columns(maskless, (0, 1), ("cat", slice(0, 4), RED), ("dog", slice(4, 8), GREEN))
    assert (entry["detected"], entry["reason"]) == (True, "the mask of 'cat' in the scene is empty")
    assert math.isnan(entry["identity_similarity"])
    assert math.isnan(entry["identity_whole_picture"])
    assert entry["swapped"] is None
    assert entry["similarity_to"] == pytest.approx([math.nan, 0], nan_ok=True)
    assert (other["identity_similarity"], other["swapped"]) == (pytest.approx(1), None)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def on(fill: int, *strips: tuple[int, tuple[int, int, int]]) -> np.ndarray:
    """The summed colours of strips (columns, colour) of a picture that is `fill` elsewhere, a column's worth."""
    covered = sum(width for width, _ in strips)
    return sum((width * np.array(colour) for width, colour in strips), np.full(3, (SIDE - covered) * fill))


def test_alternatives_change_one_setting_each() -> None:
    """The cat of the scene is 3 columns wide; found are one of 4 mixed columns and one of 2 red ones."""
    preset = replace(PRESET, alternatives=(*ON_THE_PICTURE, embedding("clip", OTHER.source)))
    (entry,) = columns(CAT_AND_DOG, (0,), ("cat", slice(0, 4), MIXED), ("cat", slice(5, 7), RED), preset=preset)
    red = np.array(RED)
    assert entry["identity_similarity"] == pytest.approx(0.6)
    assert entry["identity[fill=grey]"] == pytest.approx(cosine(on(128, (4, MIXED)), on(128, (3, RED))))
    assert entry["identity[fill=white]"] == pytest.approx(cosine(on(255, (4, MIXED)), on(255, (3, RED))))
    assert entry["identity[framing=box]"] == pytest.approx(0.6)
    assert entry["identity[instances=best]"] == pytest.approx(1)
    assert entry["identity[instances=union]"] == pytest.approx(cosine(on(0, (4, MIXED), (2, RED)), red))
    assert entry["identity[embedding=clip]"] == pytest.approx(1.2 / math.hypot(1.2, 0.8))


def test_alternatives_have_no_value_exactly_where_the_presets_own_has_none() -> None:
    preset = replace(PRESET, alternatives=(*ON_THE_PICTURE, embedding("clip", OTHER.source)))
    cat, dog = columns(CAT_AND_DOG, (0, 1), ("cat", slice(0, 4), RED), preset=preset)
    names = [one.column for one in preset.alternatives]
    assert all(math.isnan(dog[name]) for name in names)
    assert all(math.isfinite(cat[name]) for name in names)


def test_a_preset_may_take_the_best_or_all_of_the_found_objects() -> None:
    objects = ("cat", slice(0, 4), MIXED), ("cat", slice(5, 7), RED)
    for instances, own in (("best", (2, RED)), ("union", (6, (4 * np.array(MIXED) + 2 * np.array(RED)) / 6))):
        (entry,) = columns(CAT_AND_DOG, (0,), *objects, preset=replace(PRESET, instances=instances))
        found = np.array(own[1])
        assert entry["identity_similarity"] == pytest.approx(cosine(found, np.array(RED)))
        assert entry["similarity_to"] == pytest.approx([cosine(found, np.array(one)) for one in (RED, GREEN)])


def test_where_the_whole_picture_is_compared_objects_are_still_told_apart_on_black() -> None:
    preset = replace(PRESET, mask_fill=None)
    cat, dog = columns(CAT_AND_DOG, (0, 1), ("cat", slice(0, 3), GREEN), ("dog", slice(4, 8), GREEN), preset=preset)
    assert cat["identity_similarity"] == dog["identity_similarity"] == cat["identity_whole_picture"]
    assert cat["similarity_to"] == pytest.approx([0, 1])
    assert (cat["swapped"], dog["swapped"]) == (True, False)


def test_where_the_whole_picture_is_compared_nothing_needs_to_be_found() -> None:
    """Neither reference implementation of these presets looks for objects; what is found is told, and decides it for
    the alternatives that need it."""
    more = (FILL_BLACK, embedding("clip", OTHER.source))
    preset = replace(PRESET, mask_fill=None, alternatives=more)
    three = scene_of(("cat", slice(0, 2), RED), ("dog", slice(3, 5), GREEN), ("thing", slice(6, 8), BLUE))
    cat, dog, thing = columns(three, (0, 1, 2), ("cat", slice(0, 3), RED), preset=preset)
    assert [one["detected"] for one in (cat, dog, thing)] == [True, False, None]
    for one in (cat, dog, thing):
        assert one["identity_similarity"] == one["identity_whole_picture"]
        assert math.isfinite(one["identity[embedding=clip]"])
        assert one["reason"] == ""
    assert [math.isfinite(one["identity[fill=black]"]) for one in (cat, dog, thing)] == [True, False, False]
    assert [one["similarity_to"] is None for one in (cat, dog, thing)] == [False, True, True]


def test_where_the_whole_picture_is_compared_an_empty_mask_still_has_no_value() -> None:
    cat, dog = CAT_AND_DOG.concepts
    maskless = replace(CAT_AND_DOG, concepts=(replace(cat, mask=np.zeros_like(cat.mask)), dog))
    preset = replace(PRESET, mask_fill=None, alternatives=(FILL_BLACK,))
    found, _ = columns(maskless, (0, 1), ("cat", slice(0, 4), RED), preset=preset)
    missed, _ = columns(maskless, (0, 1), ("dog", slice(0, 4), GREEN), preset=preset)
    assert math.isnan(found["identity_similarity"])
    assert math.isnan(missed["identity_similarity"])
    assert found["reason"] == "the mask of 'cat' in the scene is empty"
    assert missed["reason"] == "no 'cat' found in the picture"


def test_the_same_sight_of_the_same_object_is_embedded_once() -> None:
    preset = replace(PRESET, alternatives=(INSTANCES_BEST, INSTANCES_UNION))
    picture, found = drawn(("cat", slice(0, 4), RED), ("dog", slice(4, 8), GREEN))
    model = Colours()
    subject = scorer(preset, found, {preset.comparison.view.embedding: model})
    subject.score([PictureJob(CAT_AND_DOG, Prompt("{tokens}", (0, 1)), picture)])
    references, in_the_picture = 2, ["cat", "dog", "whole"]
    assert len(model.seen) == references + len(in_the_picture)


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_the_batch_size_changes_nothing(batch_size: int) -> None:
    preset = replace(PRESET, alternatives=ON_THE_PICTURE)
    objects = ("cat", slice(0, 4), MIXED), ("cat", slice(5, 7), RED), ("dog", slice(7, 8), GREEN)
    expected = columns(CAT_AND_DOG, (0, 1), *objects, preset=preset)
    found = columns(CAT_AND_DOG, (0, 1), *objects, preset=preset, batch_size=batch_size)
    for one, other in zip(found, expected, strict=True):
        assert_alike(one, other)


def test_the_order_of_the_concepts_does_not_matter() -> None:
    objects = ("cat", slice(0, 4), MIXED), ("cat", slice(5, 7), RED), ("dog", slice(7, 8), GREEN)
    turned = replace(CAT_AND_DOG, concepts=CAT_AND_DOG.concepts[::-1])
    straight, reverse = columns(CAT_AND_DOG, (0, 1), *objects), columns(turned, (0, 1), *objects)
    for one, other in zip(straight, reverse[::-1], strict=True):
        assert_alike(one, {**other, "similarity_to": other["similarity_to"][::-1], "concept": one["concept"]})


def assert_alike(one: Mapping[str, object], other: Mapping[str, object]) -> None:
    """Equal but for the rounding of numbers."""
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert value == pytest.approx(other[name], abs=1e-6, nan_ok=True), name
