"""Evaluates the identity features: does a redrawn toy rank before other toys of its class?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.playroom.evaluate.common import HELD_OUT, HitRate, PlayroomEvaluators, watched
from bench.playroom.train.data import masked_toy
from bench.playroom.world.toys import CLASSES, Appearance, sample_toy_identity

OTHERS = 20


def vit_figures(evaluators: PlayroomEvaluators, count: int) -> dict[str, Any]:
    """How often a redrawn toy is nearer than 20 others of its class, as shares with Wilson's interval.

    `count` held-out toys of seen appearance and as many of unseen; each drawing has its own pose, size, place and
    background, and everything outside its exact mask is black.
    """
    return {
        "seen_first_of_21": HitRate.of(_first(evaluators, count, "seen")).describe(),
        "unseen_first_of_21": HitRate.of(_first(evaluators, count, "unseen")).describe(),
    }


def _first(evaluators: PlayroomEvaluators, count: int, appearance: Appearance) -> Iterator[bool]:
    for number in watched(range(count), f"ViT: toys of {appearance} appearance"):
        rng = np.random.default_rng([HELD_OUT, 4 + (appearance == "seen"), number])
        name = CLASSES[number % len(CLASSES)]
        toys = [sample_toy_identity(rng, appearance, name) for _ in range(OTHERS + 1)]
        pictures = [masked_toy(toy, rng) for toy in (toys[0], *toys)]
        features = evaluators.identity(pictures)
        yield int((features[1:] @ features[0]).argmax()) == 0
