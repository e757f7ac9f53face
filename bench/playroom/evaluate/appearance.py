"""Evaluates toys' appearance: CLIP names colours and motif of a toy that the segmenter has cut out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.core.scenes import ImageArray, with_article
from bench.playroom.evaluate.common import HELD_OUT, HitRate, PlayroomEvaluators, watched
from bench.playroom.train.data import SIZE
from bench.playroom.world.captions import describe
from bench.playroom.world.scene import draw, sample_scene
from bench.playroom.world.toys import ToyIdentity, all_appearances
from bench.scoring.views import masked

BACKDROP = (128, 128, 128)
"""The grey level around a toy for CLIP: a plain backdrop, as in some training scenes."""


@dataclass(frozen=True)
class Verdict:
    """Whether the toy was found and, if so, whether CLIP named the requested colours and motif."""

    found: bool
    colours: bool = False
    motif: bool = False

    @property
    def both(self) -> bool:
        """Whether colours and motif are both right."""
        return self.colours and self.motif


def judge_appearance(evaluators: PlayroomEvaluators, picture: ImageArray, asked: ToyIdentity) -> Verdict:
    """Classify the picture's largest segment of the requested class, alone on grey, by CLIP.

    The most likely of all descriptions of the class is taken. Its colours are right if they are the requested ones in
    either order, since stripes and chequers with swapped colours are indistinguishable.
    """
    mask = evaluators.find(picture, asked.class_name)
    if mask is None:
        return Verdict(found=False)
    candidates = all_appearances(asked.class_name)
    texts = [f"a photo of {with_article(describe(each))}" for each in candidates]
    named = candidates[int(evaluators.likeness(masked(picture, mask, BACKDROP), texts).argmax())]
    same = {named.first, named.second} == {asked.first, asked.second}
    return Verdict(True, colours=same, motif=named.motif == asked.motif)


def appearance_figures(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Shares of all pictures, where a toy that was not found is wrong, and `*_of_found`: of those where it was."""
    found = [verdict for verdict in verdicts if verdict.found]
    of_found = HitRate.of(each.both for each in found).describe() if found else {}
    return {
        "found": HitRate.of(each.found for each in verdicts).describe(),
        "colours_and_motif": HitRate.of(each.both for each in verdicts).describe(),
        "colours": HitRate.of(each.colours for each in verdicts).describe(),
        "motif": HitRate.of(each.motif for each in verdicts).describe(),
        **({"colours_and_motif_of_found": of_found} if of_found else {}),
    }


def drawn_appearance_figures(evaluators: PlayroomEvaluators, count: int) -> dict[str, Any]:
    """Evaluate the judge: `appearance_figures` of `count` drawn held-out scenes of one toy of seen appearance."""
    return appearance_figures(list(_drawn(evaluators, count)))


def _drawn(evaluators: PlayroomEvaluators, count: int) -> Iterator[Verdict]:
    for number in watched(range(count), "CLIP: appearance of drawn toys"):
        scene = sample_scene(np.random.default_rng([HELD_OUT, 9, number]), count=1)
        yield judge_appearance(evaluators, draw(scene, SIZE).picture, scene.toys[0].identity)
