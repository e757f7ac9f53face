"""Evaluates whether the base model draws what the text says, by the package's evaluators."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.core.scenes import ImageArray, join_concepts, with_article
from bench.playroom.evaluate import drawn_samples
from bench.playroom.evaluate.appearance import appearance_figures, judge_appearance
from bench.playroom.evaluate.clip import context_first
from bench.playroom.evaluate.common import HitRate, PlayroomEvaluators, watched
from bench.playroom.evaluate.drawn_samples import CachedGenerator, SampleText
from bench.playroom.world.contexts import CONTEXTS
from bench.playroom.world.toys import CLASSES, ToyIdentity


@dataclass(frozen=True)
class Judged:
    """The request, the classes that the segmenter found, and whether CLIP ranks the requested context first."""

    asked: SampleText
    found: frozenset[str]
    context_first: bool

    @property
    def all_found(self) -> bool:
        """Whether every requested class was found."""
        return set(self.asked.classes) <= self.found

    @property
    def strangers(self) -> int:
        """The number of found classes that were not requested."""
        return len(self.found - set(self.asked.classes))


def one_toy_figures(generator: CachedGenerator, evaluators: PlayroomEvaluators, seeds: int) -> dict[str, Any]:
    """Figures of prompts of one toy: all classes x ten contexts x `seeds`, as shares with Wilson's interval.

    `found`: the segmenter has a segment of the asked class. `false_alarms`: it has one of a class that was not asked
    for. `false_alarms_per_class`: the same as a share of all twelve classes that were not asked for in each picture.
    `context_first_of_ten`: CLIP puts the asked context first. The thresholds are those of the preset `playroom`.
    """
    asked = drawn_samples.one_toy(seeds)
    pictures = generator.draw([request for _, request in asked], "drawing one toy")
    judged = _judge_all(pictures, [each for each, _ in asked], evaluators)
    questions = len(judged) * (len(CLASSES) - 1)
    return {
        **_shares(judged, "found"),
        "false_alarms_per_class": HitRate(sum(each.strangers for each in judged), questions).describe(),
        "found_by_class": _by(judged, [(name, {name}) for name in CLASSES]),
        "found_by_context": _by(judged, [(context, {context}) for context in CONTEXTS]),
    }


def two_toys_figures(generator: CachedGenerator, evaluators: PlayroomEvaluators, seeds: int) -> dict[str, Any]:
    """Figures of prompts of two toys, every pair of classes x `seeds`: `both_found`, and as for one toy."""
    asked = drawn_samples.two_toys(seeds)
    pictures = generator.draw([request for _, request in asked], "drawing two toys")
    judged = _judge_all(pictures, [each for each, _ in asked], evaluators)
    return {**_shares(judged, "both_found"), "found_by_class": _by(judged, [(name, {name}) for name in CLASSES])}


def base_appearance_figures(generator: CachedGenerator, evaluators: PlayroomEvaluators, seeds: int) -> dict[str, Any]:
    """`appearance_figures` of prompts that name colours and motif: every class in every motif x `seeds`."""
    asked = drawn_samples.named_appearances(seeds)
    pictures = generator.draw([request for _, request in asked], "drawing named appearances")
    toys = [toy for each, _ in asked for toy in each.toys if isinstance(toy, ToyIdentity)]
    pairs = list(zip(pictures, toys, strict=True))
    return appearance_figures(
        [judge_appearance(evaluators, *pair) for pair in watched(pairs, "judging named appearances")]
    )


def judge(picture: ImageArray, asked: SampleText, evaluators: PlayroomEvaluators) -> Judged:
    """Detect the toys in a picture, and rank its context by CLIP."""
    subject = join_concepts([with_article(name) for name in asked.classes])
    first = context_first(evaluators, picture, subject, asked.context)
    return Judged(asked, frozenset(evaluators.classes(picture)), first)


def _judge_all(
    pictures: Sequence[ImageArray], asked: Sequence[SampleText], evaluators: PlayroomEvaluators
) -> list[Judged]:
    pairs = list(zip(pictures, asked, strict=True))
    return [judge(picture, each, evaluators) for picture, each in watched(pairs, "judging pictures")]


def _shares(judged: Sequence[Judged], found: str) -> dict[str, Any]:
    return {
        found: HitRate.of(each.all_found for each in judged).describe(),
        "false_alarms": HitRate.of(each.strangers > 0 for each in judged).describe(),
        "context_first_of_ten": HitRate.of(each.context_first for each in judged).describe(),
    }


def _by(judged: Sequence[Judged], parts: Iterable[tuple[str, set[str]]]) -> dict[str, float]:
    """The share of pictures with all requested toys, by requested class or context."""
    return {
        name: HitRate.of(each.all_found for each in judged if part & {*each.asked.classes, each.asked.context}).rate
        for name, part in parts
    }
