"""The regions of an edit: where each is, the text that is painted there, and the concepts that the text names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.core.errors import UserError
from bench.core.masks import shrunk
from bench.core.progress import console
from bench.core.scenes import Concept, Mask, Scene
from bench.edit.inputs import handles, named_concepts


@dataclass(frozen=True, eq=False)
class Region:
    """A region bool [s, s] of the target (None: to be found), its text and the concepts that the text names."""

    mask: Mask | None
    prompt: str
    concepts: tuple[Concept, ...]


def paired(masks: Sequence[Mask], prompts: Sequence[str], scene: Scene, side: int) -> tuple[Region, ...]:
    """The regions in the order in which they are painted; `side` is that of the latents, where regions are read.

    Regions may overlap: each is painted on the result of the one before, so a later one wins, which is remarked.
    Without masks the one region is to be found.

    Raises `UserError` for a prompt without a handle, and for a region of which nothing is left, at the latents or by
    later ones.
    """
    given: Sequence[Mask | None] = masks or (None,)
    regions = tuple(
        Region(mask, prompt, named_concepts(scene, prompt)) for mask, prompt in zip(given, prompts, strict=True)
    )
    if not masks:
        _check_sought(regions[0], side)
    elif len(masks) == 1:
        check_region(masks[0], "the target's mask", side)
    else:
        _check_together(masks, side)
    return regions


def check_region(mask: Mask, what: str, side: int) -> None:
    """Raise `UserError` if nothing of a region is left at the latents' side, where it is read.

    Without a pixel there, the edit would give the target back, and RoI matching would look for nothing.
    """
    if not shrunk(mask, side).any():
        raise UserError(f"{what} has no pixel left at the latents' {side} x {side}; mark a larger region")


def _check_sought(region: Region, side: int) -> None:
    """RoI matching looks for one concept, by its mask in the source."""
    named = handles(region.concepts)
    sought, *others = region.concepts
    if others:
        raise UserError(f"without --mask one region is sought: name one of {named} in --prompt, or mark it")
    check_region(sought.mask, f"the mask of {named}", side)


def _check_together(masks: Sequence[Mask], side: int) -> None:
    for number, mask in enumerate(masks, 1):
        check_region(mask, f"the target's mask {number}", side)
        seen = mask & ~np.any([np.zeros_like(mask), *masks[number:]], axis=0)
        if not shrunk(seen, side).any():
            raise UserError(
                f"the target's mask {number} lies under later ones, which are painted over it; put it after them"
            )
        if (seen != mask).any():
            told = f"the target's mask {number} overlaps later ones: what they share is theirs"
            console.print(told, soft_wrap=True, markup=False)
