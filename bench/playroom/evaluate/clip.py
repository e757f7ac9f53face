"""Evaluates CLIP on held-out drawn scenes: contexts and sets of classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.core.scenes import ImageArray, with_article
from bench.playroom.evaluate.common import HELD_OUT, HitRate, PlayroomEvaluators, watched
from bench.playroom.train.data import SIZE
from bench.playroom.world.captions import caption
from bench.playroom.world.contexts import CONTEXTS
from bench.playroom.world.scene import ToyScene, draw, sample_scene

CAPTIONS = 50


def clip_figures(evaluators: PlayroomEvaluators, count: int) -> dict[str, Any]:
    """What CLIP ranks first on `count` held-out scenes, as shares with Wilson's interval.

    `context_first_of_ten`: the true context among all ten, the words for the toys being the same.
    `classes_among_50`: the best of 50 scenes' captions, the scene's own among them, names the right set of classes.
    """
    return {
        "context_first_of_ten": HitRate.of(_contexts_first(evaluators, count)).describe(),
        "classes_among_50": HitRate.of(_classes_right(evaluators, count)).describe(),
    }


def context_first(evaluators: PlayroomEvaluators, picture: ImageArray, subject: str, context: str) -> bool:
    """Whether CLIP ranks the true context before the nine others, with the same words for the subject."""
    texts = [f"a photo of {subject} {each}" for each in CONTEXTS]
    return CONTEXTS[int(evaluators.likeness(picture, texts).argmax())] == context


def _contexts_first(evaluators: PlayroomEvaluators, count: int) -> Iterator[bool]:
    for number in watched(range(count), "CLIP: contexts"):
        context = CONTEXTS[number % len(CONTEXTS)]
        rng = np.random.default_rng([HELD_OUT, 2, number])
        scene = sample_scene(rng, count=1 + number % 2, context=context)
        subject = " and ".join(with_article(toy.identity.class_name) for toy in scene.toys)
        yield context_first(evaluators, draw(scene, SIZE).picture, subject, context)


def _classes_right(evaluators: PlayroomEvaluators, count: int) -> Iterator[bool]:
    rng = np.random.default_rng([HELD_OUT, 3])
    scenes = [sample_scene(rng) for _ in range(max(count, CAPTIONS))]
    for number in watched(range(count), "CLIP: classes among captions"):
        others = rng.choice(np.delete(np.arange(len(scenes)), number), CAPTIONS - 1, replace=False)
        lined = [scenes[number], *(scenes[other] for other in others)]
        likeness = evaluators.likeness(draw(lined[0], SIZE).picture, [caption(scene, rng) for scene in lined])
        best = lined[int(likeness.argmax())]
        yield _classes(best) == _classes(lined[0])


def _classes(scene: ToyScene) -> list[str]:
    return sorted(toy.identity.class_name for toy in scene.toys)
