"""Two stages with the same networks and texts are the pipeline's drawing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from bench.diffusion.clic.two_stage import begin, finish
from bench.diffusion.sampling.sampler import DrawJob, draw
from bench.plugins.backbone import Backbone
from bench.plugins.backbone_settings import BackboneSettings, Sampler

ORDERS = [DrawJob("a photo of a cat", 1), DrawJob("a photo of an umbrella", 2), DrawJob("a cat in the snow", 3)]
TEXTS = [order.text for order in ORDERS]


@pytest.fixture
def brief(backbone_with: Callable[[BackboneSettings], Backbone]) -> Backbone:
    return backbone_with(BackboneSettings(sampler=Sampler(4, 3.0)))


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_without_a_change_between_the_stages_nothing_changes(brief: Backbone, steps: int) -> None:
    pictures = list(finish(brief, TEXTS, begin(brief, ORDERS, steps, 2), steps, 2))
    for picture, whole in zip(pictures, draw(brief, ORDERS, 2), strict=True):
        assert abs(picture.astype(int) - whole.astype(int)).max() <= 1


def test_the_batch_size_changes_nothing_beyond_rounding(brief: Backbone) -> None:
    one, three = (list(finish(brief, TEXTS, begin(brief, ORDERS, 2, size), 2, size)) for size in (1, 3))
    for first, other in zip(one, three, strict=True):
        assert abs(first.astype(int) - other.astype(int)).max() <= 1


def test_the_second_stage_reads_its_own_text(brief: Backbone) -> None:
    begun = begin(brief, ORDERS[:1], 1, 1)
    assert begun[0].shape == (1, 4, 16, 16)
    plain, other = (next(finish(brief, [text], begun, 1, 1)) for text in (TEXTS[0], "an umbrella at the beach"))
    assert not np.array_equal(plain, other)


@torch.no_grad()
def test_the_first_stage_is_not_touched_by_what_follows(brief: Backbone) -> None:
    """What was begun is kept apart from the networks: changing them afterwards changes only the rest."""
    begun = begin(brief, ORDERS[:1], 2, 1)
    kept = begun[0].clone()
    brief.unet.conv_out.weight.mul_(0.5)
    next(finish(brief, TEXTS[:1], begun, 2, 1))
    assert torch.equal(begun[0], kept)


def test_texts_beyond_what_the_encoder_reads_are_told_once(brief: Backbone, caplog: pytest.LogCaptureFixture) -> None:
    long = "a photo of " + " and ".join(["a cat"] * 10)
    texts = [*TEXTS[:2], long]
    assert len(list(finish(brief, texts, begin(brief, ORDERS, 1, 1), 1, 1))) == 3
    (message,) = caplog.messages
    assert message.startswith("1 of 3 texts are longer than the text encoder's 24 tokens")
