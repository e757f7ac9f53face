"""The exam of looks: CLIP names colours and motif of a toy that the segmenter has cut out."""

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
"""What is around a toy that CLIP judges: a plain backdrop, as some scenes of its training have."""


@dataclass(frozen=True)
class Verdict:
    """Whether the toy was found and, if so, whether CLIP named its colours and its motif as they were asked for."""

    found: bool
    colours: bool = False
    motif: bool = False

    @property
    def both(self) -> bool:
        """Colours and motif are right."""
        return self.colours and self.motif


def judge_looks(evaluators: PlayroomEvaluators, picture: ImageArray, asked: ToyIdentity) -> Verdict:
    """What CLIP says of the picture's largest segment of the asked class, alone on grey.

    The likeliest of all descriptions of the class is taken. Its colours are right if they are the asked ones in either
    order, since stripes and chequers look alike both ways round.
    """
    mask = evaluators.find(picture, asked.class_name)
    if mask is None:
        return Verdict(found=False)
    candidates = all_appearances(asked.class_name)
    texts = [f"a photo of {with_article(describe(each))}" for each in candidates]
    named = candidates[int(evaluators.likeness(masked(picture, mask, BACKDROP), texts).argmax())]
    same = {named.first, named.second} == {asked.first, asked.second}
    return Verdict(True, colours=same, motif=named.motif == asked.motif)


def looks_figures(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Shares of all pictures, a toy that was not found counting as wrong, and `*_of_found`: of those where it was."""
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
    """The judge judged: `looks_figures` of `count` drawn held-out scenes of one toy with seen looks."""
    return looks_figures(list(_drawn(evaluators, count)))


def _drawn(evaluators: PlayroomEvaluators, count: int) -> Iterator[Verdict]:
    for number in watched(range(count), "CLIP: looks of drawn toys"):
        scene = sample_scene(np.random.default_rng([HELD_OUT, 9, number]), count=1)
        yield judge_looks(evaluators, draw(scene, SIZE).picture, scene.toys[0].identity)
