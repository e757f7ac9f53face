"""Which found instance is a word's, and which concept a pixel belongs to: two rules, on masks alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.core.errors import UserError
from bench.core.masks import mask_iou
from bench.core.scenes import Mask

NEAR_BEST = 0.8
"""Minimum share of the best score that an instance needs to be taken for its size."""
MOST_SHARED = 0.5
"""Maximum IoU of two instances of one word; above it they are one thing that was found twice."""
LEAST_KEPT = 0.1
"""Minimum share of its own pixels that a concept must keep after smaller ones took theirs."""

INSTANCE_RULE = (
    f"of several instances of a word the largest is taken, among those that score at least {NEAR_BEST:.0%} of the "
    f"best one; a word given twice takes the next one that overlaps the first with an IoU of at most {MOST_SHARED}"
)
OVERLAP_RULE = "a pixel claimed by several concepts belongs to the smallest of them: what lies in or on another"


@dataclass(frozen=True, eq=False)
class FoundInstance:
    """One thing that a model found: its mask [H, W] and how sure the model is of it, usually in [0, 1]."""

    mask: Mask
    score: float

    @property
    def area(self) -> int:
        """The number of its pixels."""
        return int(np.count_nonzero(self.mask))


def ranked(instances: Sequence[FoundInstance]) -> list[FoundInstance]:
    """The non-empty instances of a word, the one to take first: those near the best score by size, then by score."""
    shown = [instance for instance in instances if instance.area]
    least = NEAR_BEST * max((instance.score for instance in shown), default=0.0)
    near = [instance for instance in shown if instance.score >= least]
    far = [instance for instance in shown if instance.score < least]
    return [
        *sorted(near, key=lambda instance: instance.area, reverse=True),
        *sorted(far, key=lambda instance: instance.score, reverse=True),
    ]


def chosen(words: Sequence[str], found: Mapping[str, Sequence[FoundInstance]]) -> list[FoundInstance | None]:
    """The instance of each word by `INSTANCE_RULE`, None where none is left; `found` has the instances by word."""
    taken: dict[str, list[FoundInstance]] = {}
    choices: list[FoundInstance | None] = []
    for word in words:
        earlier = taken.setdefault(word, [])
        free = (one for one in ranked(found[word]) if not _is_one_of(one, earlier))
        choice = next(free, None)
        if choice is not None:
            earlier.append(choice)
        choices.append(choice)
    return choices


def _is_one_of(instance: FoundInstance, others: Sequence[FoundInstance]) -> bool:
    return any(mask_iou(instance.mask, other.mask) > MOST_SHARED for other in others)


def without_overlaps(labels: Sequence[str], masks: Sequence[Mask]) -> list[Mask]:
    """The masks [H, W] without shared pixels, by `OVERLAP_RULE`; of two of one size the first has them.

    Raises `UserError` for an empty mask, and where less than `LEAST_KEPT` of a mask is left: then two concepts are one
    thing.
    """
    free = np.ones(masks[0].shape, dtype=np.bool_)
    kept: dict[int, Mask] = {}
    for index in sorted(range(len(masks)), key=lambda index: int(masks[index].sum())):
        kept[index] = masks[index] & free
        free &= ~masks[index]
        if kept[index].sum() <= LEAST_KEPT * masks[index].sum():
            raise UserError(_same_thing(index, labels, masks))
    return [kept[index] for index in range(len(masks))]


def _same_thing(index: int, labels: Sequence[str], masks: Sequence[Mask]) -> str:
    own = f"mask{index} ({labels[index]})"
    if not masks[index].any():
        return f"{own} is empty: nothing was found there; give another point or box"
    others = [other for other in range(len(masks)) if other != index]
    nearest = max(others, key=lambda other: int((masks[other] & masks[index]).sum()))
    return (
        f"{own} lies almost wholly under mask{nearest} ({labels[nearest]}) and smaller ones: two concepts are one "
        "thing here; name one of them, or mark them by --model sam and --points"
    )
