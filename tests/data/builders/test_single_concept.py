"""Scenes of one concept: which instance is taken, how many of each class, and what a small pool gives."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.core.errors import UserError
from bench.core.geometry import centred_square
from bench.data.builders.single_concept import ConceptOptions, even_shares
from bench.data.coco import masks
from bench.data.coco.funnel import Candidate
from bench.data.coco.index import Annotation, Index, Photo, load_index
from bench.data.coco.rules import Instance

THREE = ConceptOptions(
    concepts=7, classes="cat,dog,bus", prompts="a {tokens}\n{tokens}!", samples=2, seed=3, origin="x"
)


def quiet(_: int) -> None:
    """No progress."""


def image(number: int, label: str) -> Candidate:
    photo = Photo(number, "val", f"{number}.jpg", 64, 64, None, "")
    annotation = Annotation(number, number, 1, False, ())
    return Candidate(photo, centred_square(64, 64), (Instance(annotation, label, {"size": [1, 1], "counts": ""}, 9),))


def labels(chosen: Sequence[Candidate]) -> Counter[str]:
    return Counter(candidate.concepts[0].label for candidate in chosen)


@given(st.integers(1, 12), st.integers(1, 500))
def test_shares_are_as_equal_as_can_be(classes: int, concepts: int) -> None:
    shares = list(even_shares([str(number) for number in range(classes)], concepts).values())
    assert sum(shares) == concepts
    assert max(shares) - min(shares) <= 1
    assert shares == sorted(shares, reverse=True)


def test_the_papers_numbers() -> None:
    assert sorted(even_shares([str(number) for number in range(11)], 120).values()) == [10] + 10 * [11]


def test_each_class_gives_the_first_of_its_own_in_hash_order() -> None:
    pool = [image(number, ["cat", "dog", "bus"][number % 3]) for number in range(30)]
    chosen = THREE.choose(pool)
    assert (chosen.lack, chosen.remedy) == ("", "")
    by_hash = sorted(pool, key=lambda one: hashlib.sha256(f"3:val:{one.photo.id}".encode()).digest())
    for label, count in {"cat": 3, "dog": 2, "bus": 2}.items():
        expected = [one for one in by_hash if one.concepts[0].label == label][:count]
        assert [one for one in chosen.scenes if one.concepts[0].label == label] == expected


def test_the_order_of_the_pool_does_not_matter() -> None:
    pool = [image(number, ["cat", "dog", "bus"][number % 3]) for number in range(30)]
    names = [one.photo.id for one in THREE.choose(pool).scenes]
    assert [one.photo.id for one in THREE.choose(pool[::-1]).scenes] == names


def test_a_class_that_is_rare_is_filled_up_from_the_others_and_said() -> None:
    pool = [image(0, "dog"), *(image(number, "cat") for number in range(1, 9)), image(9, "bus"), image(10, "bus")]
    chosen = THREE.choose(pool)
    assert labels(chosen.scenes) == {"cat": 4, "dog": 1, "bus": 2}
    assert chosen.lack == "7 concepts of 3 classes need up to 3 of each, the pool has only 1 of dog"
    assert chosen.remedy == "took 7, more of the other classes"


def test_built_scenes_lack_what_a_pool_of_them_would() -> None:
    few = [["cat"]] * 4 + [["dog"]] + [["bus"]] * 2
    assert THREE.lack_of(few) == "7 concepts of 3 classes need up to 3 of each, the dataset has only 1 of dog"
    assert THREE.lack_of([["cat"]] * 3 + [["dog"], ["bus"]] * 2) == ""


def test_a_pool_that_is_too_small_gives_all_of_it_once() -> None:
    pool = [image(0, "dog"), image(1, "cat")]
    assert sorted(one.photo.id for one in THREE.choose(pool).scenes) == [0, 1]


def test_prompts_are_every_template_with_the_one_concept() -> None:
    prompts = THREE.prompt_plan.prompts("any", 1)
    assert [(prompt.template, prompt.subset, prompt.sample) for prompt in prompts] == [
        ("a {tokens}", (0,), 0),
        ("a {tokens}", (0,), 1),
        ("{tokens}!", (0,), 0),
        ("{tokens}!", (0,), 1),
    ]


@pytest.mark.parametrize("wrong", [{"concepts": 0}, {"samples": 0}])
def test_numbers_that_make_no_dataset_are_one_line(wrong: dict[str, int]) -> None:
    with pytest.raises(UserError, match="must be at least 1"):
        ConceptOptions(
            **{"concepts": 1, "classes": "cat", "prompts": "{tokens}", "samples": 1, "seed": 0, "origin": "", **wrong}
        )  # type: ignore[arg-type]


@pytest.fixture
def index(fixtures: Path) -> Index:
    return load_index(fixtures / "coco" / "annotations" / "instances_sample.json")


def test_the_largest_listed_instance_of_real_images(index: Index) -> None:
    """Against a plain loop over all annotations."""
    pool, funnel = THREE.pool([index], quiet)
    expected = {}
    for photo in index.photos.values():
        square = centred_square(photo.width, photo.height)
        fitting = []
        for annotation in index.annotations.get(photo.id, ()):
            if annotation.crowd or index.categories[annotation.category_id].name not in ("cat", "dog", "bus"):
                continue
            drawn = masks.decode(masks.rasterise(annotation.segmentation, photo.height, photo.width))
            pixels = int(drawn[square.rows, square.columns].sum())
            if pixels >= 0.15 * square.side**2:
                fitting.append((-pixels, annotation.id))
        if fitting:
            expected[photo.id] = min(fitting)[1]
    assert {one.photo.id: one.concepts[0].annotation.id for one in pool} == expected
    assert labels(pool) == {"bus": 2, "cat": 4, "dog": 2}
    assert all(len(one.concepts) == 1 for one in pool)
    assert list(funnel.left)[-1] == "the largest"


def test_a_file_of_other_classes_is_refused(index: Index) -> None:
    unknown = ConceptOptions(1, "cat,unicorn", "{tokens}", 1, 0, "")
    with pytest.raises(UserError, match=r"instances_sample\.json has no class 'unicorn'"):
        unknown.pool([index], quiet)
