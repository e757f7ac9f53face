"""How much a method can gain: identity similarity of never-seen toys redrawn, described in words, or by class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.core.scenes import ImageArray, Prompt, Scene, with_article
from bench.playroom.evaluate.common import HELD_OUT, PlayroomEvaluators, describe_mean, watched
from bench.playroom.evaluate.drawn_samples import CachedGenerator, SampleRequest
from bench.playroom.train.data import SIZE, masked_toy
from bench.playroom.world.captions import describe
from bench.playroom.world.contexts import CONTEXTS
from bench.playroom.world.ground_truth import as_benchmark_scene, redrawn
from bench.playroom.world.scene import draw, sample_scene
from bench.playroom.world.toys import ToyIdentity, all_appearances
from bench.plugins.metric import PictureJob
from bench.scoring.scorer import Scorer
from bench.scoring.views import masked

POSES = 2
"""How often a description is rendered to rank it."""


@dataclass(frozen=True)
class Size:
    """The number of scenes, of `descriptions` drawn per toy, and of pictures (`seeds`) per text."""

    scenes: int
    descriptions: int
    seeds: int


@dataclass(frozen=True, eq=False)
class Trial:
    """A scene of two never-seen toys, the front one of which is to be redrawn in `context`."""

    number: int
    scene: Scene
    toy: ToyIdentity
    context: str

    @property
    def prompt(self) -> Prompt:
        """The benchmark's prompt with the toy as its only concept."""
        return Prompt(f"a photo of {{tokens}} {self.context}", (len(self.scene.concepts) - 1,))

    def text(self, words: str) -> str:
        """The prompt with these words for the toy, without an article."""
        return f"a photo of {with_article(words)} {self.context}"


@dataclass(frozen=True)
class Outcome:
    """Identity similarities of one trial, means over pictures (NaN: the toy was found in none).

    `descriptions` are those of the drawn descriptions, the one that was ranked first at the start.
    """

    redrawn: float
    class_words: float
    descriptions: tuple[float, ...]

    @property
    def best_words(self) -> float:
        """The best description's mean; NaN if no description's toy was found."""
        known = [value for value in self.descriptions if not math.isnan(value)]
        return max(known, default=math.nan)


def headroom_figures(
    generator: CachedGenerator, evaluators: PlayroomEvaluators, scorer: Scorer, size: Size
) -> dict[str, Any]:
    """The benchmark's own identity similarity on held-out scenes of never-seen toys, means over scenes.

    `redrawn`: of the same toy drawn again by the renderer, alone, in another pose and context. `class_words`: of the
    base model's pictures of its class in that context. `best_words`: of the best of all descriptions the captions can
    give of its class: all are rendered, the `size.descriptions` whose renderings are most similar to the toy are drawn
    by the base model with `size.seeds` seeds each, and the highest mean is taken. That choice among noisy means
    favours the words, the headroom is rather larger. `above_class_words` and `above_best_words` are differences
    within scenes, of the scenes where all were found: `compared`.
    """
    trials = [make_trial(number) for number in range(size.scenes)]
    ranked = [shortlist(trial, evaluators, size.descriptions) for trial in watched(trials, "ranking descriptions")]
    requests = [_requests(trial, words, size.seeds) for trial, words in zip(trials, ranked, strict=True)]
    generator.draw([each for one in requests for group in one for each in group], "drawing never-seen toys in words")
    outcomes = []
    for trial, groups in watched(list(zip(trials, requests, strict=True)), "scoring never-seen toys"):
        again = similarity(scorer, trial, [_redraw(trial, number) for number in range(size.seeds)])
        by_class, *words = [similarity(scorer, trial, generator.draw(group, "drawing")) for group in groups]
        outcomes.append(Outcome(again, by_class, tuple(words)))
    return summarise(outcomes)


def summarise(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The figures of `headroom_figures` from the outcomes of the scenes, and where in the list the best words stood."""
    whole = [o for o in outcomes if not any(map(math.isnan, (o.redrawn, o.class_words, o.best_words)))]
    compared = {"compared": {"scenes": len(whole), "of": len(outcomes)}}
    if not whole:
        return compared
    return {
        **compared,
        "redrawn": describe_mean([o.redrawn for o in whole]),
        "class_words": describe_mean([o.class_words for o in whole]),
        "best_words": describe_mean([o.best_words for o in whole]),
        "above_class_words": describe_mean([o.redrawn - o.class_words for o in whole], (-2.0, 2.0)),
        "above_best_words": describe_mean([o.redrawn - o.best_words for o in whole], (-2.0, 2.0)),
        "rank_of_best_words": [o.descriptions.index(o.best_words) + 1 for o in whole],
    }


def make_trial(number: int) -> Trial:
    """The held-out trial of this number; contexts take turns, and the asked one is never the scene's."""
    rng = np.random.default_rng([HELD_OUT, 11, number])
    world = sample_scene(rng, appearance="unseen", count=2, context=CONTEXTS[number % len(CONTEXTS)])
    asked = CONTEXTS[(number + len(CONTEXTS) // 2) % len(CONTEXTS)]
    return Trial(number, as_benchmark_scene(f"held-out-{number}", world, SIZE), world.toys[-1].identity, asked)


def similarity(scorer: Scorer, trial: Trial, pictures: Sequence[ImageArray]) -> float:
    """Mean identity similarity of the pictures in which the scorer finds the toy; NaN if in none."""
    rows = scorer.score([PictureJob(trial.scene, trial.prompt, picture) for picture in pictures])
    known = [row["identity_similarity"] for row in rows if not math.isnan(row["identity_similarity"])]
    return float(np.mean(known)) if known else math.nan


def shortlist(trial: Trial, evaluators: PlayroomEvaluators, count: int) -> list[ToyIdentity]:
    """The `count` descriptions of the toy's class whose renderings are most similar to it, the most similar first."""
    appearance = all_appearances(trial.toy.class_name)
    rng = np.random.default_rng([HELD_OUT, 12, trial.number])
    rendered = evaluators.identity([masked_toy(each, rng) for each in appearance for _ in range(POSES)])
    concept = trial.prompt.subset[0]
    [own] = evaluators.identity([masked(trial.scene.picture, trial.scene.concepts[concept].mask)])
    likeness = (rendered @ own).reshape(len(appearance), POSES).mean(dim=1)
    return [appearance[int(k)] for k in likeness.argsort(descending=True)[:count]]


def _requests(trial: Trial, words: Sequence[ToyIdentity], seeds: int) -> list[list[SampleRequest]]:
    """The pictures by class word alone, then those of each description."""
    texts = [trial.text(trial.toy.class_name), *(trial.text(describe(each)) for each in words)]
    return [[SampleRequest(text, number) for number in range(seeds)] for text in texts]


def _redraw(trial: Trial, number: int) -> ImageArray:
    rng = np.random.default_rng([HELD_OUT, 13, trial.number, number])
    return draw(redrawn([trial.toy], trial.context, rng), SIZE).picture
