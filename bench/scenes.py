"""Scenes, concepts, prompts and datasets: the nouns that every other module speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Picture: TypeAlias = npt.NDArray[np.uint8]
"""RGB pixels, shape [height, width, 3], 0..255."""
Mask: TypeAlias = npt.NDArray[np.bool_]
"""True inside the concept, shape [height, width]."""

BACKGROUND = "background"
"""Label of the concept that is the complement of the union of all others (Break-A-Scene, section 5)."""


@dataclass(frozen=True, eq=False)
class Concept:
    """One thing to learn: its class word, its mask in the scene's picture and its handle.

    The handle is the placeholder token that a method learns, `[v1]`, `[v2]`, ... as the paper writes it.
    """

    label: str
    mask: Mask
    handle: str


@dataclass(frozen=True)
class Prompt:
    """A template filled with a subset of a scene's concepts; `sample` tells repeated draws apart.

    `template` holds `{tokens}` once; `subset` holds indices into the scene's concepts, ascending.
    """

    template: str
    subset: tuple[int, ...]
    sample: int = 0


@dataclass(frozen=True, eq=False)
class Scene:
    """One square picture, the concepts marked in it, and the prompts it is evaluated with.

    Masks have the picture's height and width and may overlap. `name` is unique in its dataset and safe as a
    file name.
    """

    name: str
    picture: Picture
    concepts: tuple[Concept, ...]
    prompts: tuple[Prompt, ...] = field(default=())

    def text_with_handles(self, prompt: Prompt) -> str:
        """The text to generate from: `a photo of [v1] and [v2] at the beach`."""
        return _fill(prompt.template, [self.concepts[i].handle for i in prompt.subset])

    def text_with_classes(self, prompt: Prompt) -> str:
        """The text to score with: `a photo of a cat and an umbrella at the beach`."""
        return _fill(prompt.template, [with_article(self.concepts[i].label) for i in prompt.subset])


@dataclass(frozen=True, eq=False)
class Dataset:
    """Named scenes with their prompts."""

    name: str
    scenes: tuple[Scene, ...]


def with_article(noun: str) -> str:
    """`cat` -> `a cat`, `umbrella` -> `an umbrella` (by the first letter, as no COCO class is an exception)."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def join_concepts(words: Sequence[str]) -> str:
    """`["a", "b", "c"]` -> `a and b and c` (Break-A-Scene, section 3)."""
    return " and ".join(words)


def handle(index: int) -> str:
    """The handle of the concept at `index` (from 0): `[v1]` for 0."""
    return f"[v{index + 1}]"


def _fill(template: str, words: Sequence[str]) -> str:
    return template.replace("{tokens}", join_concepts(words))
