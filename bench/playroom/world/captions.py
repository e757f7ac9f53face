"""Captions of scenes in a small grammar: the toys, half of the time their appearance, and the context."""

from __future__ import annotations

import numpy as np

from bench.core.scenes import with_article
from bench.playroom.world.contexts import CONTEXTS
from bench.playroom.world.scene import ToyScene
from bench.playroom.world.toys import CLASSES, COLOURS, MOTIFS, ToyIdentity


def describe(identity: ToyIdentity) -> str:
    """A toy's description, without an article: "red and white striped mug", or "red mug" for a plain one.

    An appearance that training never sees has no words: such a toy is described by its class alone.
    """
    named = identity.motif in MOTIFS and identity.first in COLOURS and identity.second in COLOURS
    if not named:
        return identity.class_name
    if identity.motif == "plain":
        return f"{identity.first} {identity.class_name}"
    return f"{identity.first} and {identity.second} {identity.motif} {identity.class_name}"


def caption(scene: ToyScene, rng: np.random.Generator) -> str:
    """A caption such as "a photo of a red and white striped mug and a duck at the beach".

    Each toy is named by its class or, half of the time, by its description; in any order, joined by "and" as in
    the prompts of Break-A-Scene (B.2); a plain backdrop is not mentioned.
    """
    toys = [scene.toys[k].identity for k in rng.permutation(len(scene.toys))]
    named = [with_article(describe(toy) if rng.uniform() < 0.5 else toy.class_name) for toy in toys]
    subject = f"a photo of {' and '.join(named)}" if named else "a photo"
    return subject if scene.context is None else f"{subject} {scene.context}"


def _words() -> tuple[str, ...]:
    """Every word of the grammar, and a few that prompts need beside it."""
    phrases = " ".join(("a an photo of and object background toy", *CONTEXTS, *CLASSES, *COLOURS, *MOTIFS))
    return tuple(sorted(set(phrases.lower().split())))


VOCABULARY: tuple[str, ...] = _words()
"""Every word a caption can use, in lower case, with "object", "background" and "toy"."""
