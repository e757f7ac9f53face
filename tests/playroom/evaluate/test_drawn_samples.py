"""What the base model is asked for, and that no picture is drawn twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from bench.core.device import resolve
from bench.core.scenes import ImageArray
from bench.diffusion.sampling.sampler import DrawJob
from bench.playroom.evaluate import drawn_samples
from bench.playroom.evaluate.drawn_samples import CachedGenerator, SampleRequest
from bench.playroom.world.captions import VOCABULARY
from bench.playroom.world.contexts import CONTEXTS
from bench.playroom.world.toys import CLASSES, MOTIFS
from bench.plugins.backbone import Backbone


def test_one_toy_is_every_class_in_every_context() -> None:
    asked = drawn_samples.one_toy(2)
    assert len(asked) == len({request for _, request in asked}) == 13 * 10 * 2
    assert asked[0] == (
        drawn_samples.SampleText(("ball",), "at the beach"),
        SampleRequest("a photo of a ball at the beach", 0),
    )
    assert {(each.classes, each.context) for each, _ in asked} == {((name,), c) for name in CLASSES for c in CONTEXTS}


def test_two_toys_are_every_pair_of_classes_in_either_order() -> None:
    asked = [each for each, _ in drawn_samples.two_toys(1)]
    assert {frozenset(each.classes) for each in asked} == {
        frozenset((a, b)) for a in CLASSES for b in CLASSES if a != b
    }
    assert len(asked) == 78
    orders = Counter(CLASSES.index(each.classes[0]) < CLASSES.index(each.classes[1]) for each in asked)
    assert orders == {True: 39, False: 39}
    assert set(Counter(each.context for each in asked).values()) == {7, 8}


def test_named_looks_are_every_class_in_every_motif_in_words_of_the_captions() -> None:
    asked = drawn_samples.named_appearances(2)
    toys = Counter((each.toys[0].class_name, each.toys[0].motif) for each, _ in asked)
    assert toys == dict.fromkeys(((name, motif) for name in CLASSES for motif in MOTIFS), 2)
    assert {word for each, _ in asked for word in each.text.lower().split()} <= set(VOCABULARY)
    assert asked == drawn_samples.named_appearances(2)


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> list[DrawJob]:
    """The orders that reach the sampler, which draws each noise seed's own grey."""
    seen: list[DrawJob] = []

    def draw(backbone: Backbone, wanted: Sequence[DrawJob], batch_size: int) -> Iterator[ImageArray]:
        seen.extend(wanted)
        yield from (np.full((4, 4, 3), order.noise_seed % 256, np.uint8) for order in wanted)

    monkeypatch.setattr(drawn_samples, "draw", draw)
    return seen


def test_no_picture_is_drawn_twice(tiny_pipeline: Path, tmp_path: Path, orders: list[DrawJob]) -> None:
    wanted = [
        SampleRequest("a photo of a cat", 0),
        SampleRequest("a photo of a cat", 1),
        SampleRequest("a photo of a cat", 0),
    ]
    generator = CachedGenerator(tiny_pipeline, resolve("cpu", "fp32"), tmp_path)
    first = generator.draw(wanted[:1], "")
    again = CachedGenerator(tiny_pipeline, resolve("cpu", "fp32"), tmp_path).draw(wanted, "")
    assert [order.text for order in orders] == ["a photo of a cat"] * 2
    assert orders[0].noise_seed != orders[1].noise_seed
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(again[0], again[2])
    assert [picture[0, 0, 0] for picture in again[:2]] == [order.noise_seed % 256 for order in orders]


def test_another_pipeline_has_pictures_of_its_own(
    tiny_pipeline: Path, tiny_velocity_pipeline: Path, tmp_path: Path, orders: list[DrawJob]
) -> None:
    for pipeline in (tiny_pipeline, tiny_velocity_pipeline):
        CachedGenerator(pipeline, resolve("cpu", "fp32"), tmp_path).draw([SampleRequest("a photo", 0)], "")
    assert len(orders) == 2
