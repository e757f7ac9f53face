"""Scenes, concepts, prompts and datasets: the types that all other modules use."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from bench.core.errors import UserError

ImageArray: TypeAlias = npt.NDArray[np.uint8]
"""RGB pixels, shape [height, width, 3], 0..255."""
Mask: TypeAlias = npt.NDArray[np.bool_]
"""True inside the concept, shape [height, width]."""
SoftMask: TypeAlias = npt.NDArray[np.uint8]
"""A mask with grey edges: 0 outside, 255 inside, shape [height, width]."""

BACKGROUND = "background"
"""Label of the concept that is the complement of the union of all others (Break-A-Scene, section 5)."""
BEHIND = "{background}"
"""The place of the background in a template that names other concepts as well: `{tokens} at {background}`."""


@dataclass(frozen=True, eq=False)
class Concept:
    """One thing to learn: its class word, its mask in its picture and its handle.

    The handle is the placeholder token that a method learns, `[v1]`, `[v2]`, ... as the paper writes it.
    `object` is the class word of the whole thing that the concept is a part of, such as `chair` for its
    ornament (CLiC, section 3); the label by default. `picture` is the index of the picture that
    shows the concept among the scene's `pictures`. `soft` is the mask with its grey edges, where its source has any;
    `mask` is where it is at least half white. The background has the label `BACKGROUND`, and what it shows, such as
    `beach`, as its `object`.
    """

    label: str
    mask: Mask
    handle: str
    object: str = ""
    picture: int = 0
    soft: SoftMask | None = None

    @property
    def soft_mask(self) -> npt.NDArray[np.float32]:
        """The mask in [0, 1] with the edges of its source, [height, width]; of a mask without grey its 0 and 1."""
        values: npt.NDArray[np.float32] = (self.mask if self.soft is None else self.soft).astype(np.float32)
        return values if self.soft is None else np.divide(values, 255, dtype=np.float32)

    def __post_init__(self) -> None:
        if not self.object:
            object.__setattr__(self, "object", self.label)

    @property
    def is_background(self) -> bool:
        """Whether it is what the other concepts leave of the picture."""
        return self.label == BACKGROUND

    @property
    def word(self) -> str:
        """The word for it in texts: the label, but of the background what it shows."""
        return self.object if self.is_background else self.label

    @property
    def noun(self) -> str:
        """The word with its article: `a cat`, but `the beach`."""
        return f"the {self.word}" if self.is_background else with_article(self.word)


@dataclass(frozen=True)
class Prompt:
    """A template filled with a subset of a scene's concepts; `sample` tells repeated draws apart.

    `template` holds `{tokens}` once, and may hold `{background}`, the place of the subset's background; `subset` holds
    indices into the scene's concepts, ascending.
    """

    template: str
    subset: tuple[int, ...]
    sample: int = 0


@dataclass(frozen=True, eq=False)
class Scene:
    """One square picture, the concepts marked in it, and the prompts it is evaluated with.

    Masks have the picture's height and width and may overlap. `name` is unique in its dataset and safe as a
    file name. `more` holds further pictures of the same size, where concepts come from several (the EM paper's
    Figures 1 and 2: [v1] from one, [v3] from another); every picture shows at least one concept. `references`, where
    a dataset has them, are files of what a perfect method would draw: a prompt's very concepts in its context.
    With `no_masks` methods are not given the masks, which are for the evaluation alone, or empty if nobody knows them.
    """

    name: str
    picture: ImageArray
    concepts: tuple[Concept, ...]
    prompts: tuple[Prompt, ...] = field(default=())
    more: tuple[ImageArray, ...] = ()
    references: Mapping[Prompt, Path] = field(default_factory=dict)
    no_masks: bool = False

    @property
    def for_methods(self) -> Scene:
        """The scene as methods are given it: itself, or with `no_masks` one whose masks are empty."""
        if not self.no_masks:
            return self
        bare = (replace(concept, mask=np.zeros_like(concept.mask), soft=None) for concept in self.concepts)
        return replace(self, concepts=tuple(bare))

    @property
    def pictures(self) -> tuple[ImageArray, ...]:
        """All pictures, the scene's own first."""
        return (self.picture, *self.more)

    @property
    def concepts_by_image(self) -> tuple[tuple[int, ...], ...]:
        """The indices of the concepts that each of the `pictures` shows, ascending."""
        shown = range(len(self.pictures))
        return tuple(tuple(i for i, one in enumerate(self.concepts) if one.picture == number) for number in shown)

    def picture_of(self, concept: int) -> ImageArray:
        """The picture that shows the concept at this index."""
        return self.pictures[self.concepts[concept].picture]

    def text_with_handles(self, prompt: Prompt) -> str:
        """The prompt with handles, to generate from: `a photo of [v1] and [v2] at the beach`."""
        return filled(prompt.template, self._asked(prompt), lambda concept: concept.handle)

    def text_of_background(self, prompt: Prompt) -> str:
        """The prompt without its concepts: `a photo at the beach`."""
        return filled(without_concepts(prompt.template), self._asked(prompt), lambda concept: concept.noun)

    def text_with_classes(self, prompt: Prompt) -> str:
        """The prompt with class words, to score with: `a photo of a cat and an umbrella at the beach`."""
        return filled(prompt.template, self._asked(prompt), lambda concept: concept.noun)

    def _asked(self, prompt: Prompt) -> tuple[Concept, ...]:
        return tuple(self.concepts[index] for index in prompt.subset)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Named scenes with their prompts."""

    name: str
    scenes: tuple[Scene, ...]


def with_background(scene: Scene) -> Scene:
    """The scene with the complement of its concepts as one more, `background`, last; unchanged if it has one.

    Of a scene of several pictures it is the first one's (Break-A-Scene, 4.2, "Background extraction").

    Raises `UserError` if the concepts leave nothing of the picture.
    """
    if any(concept.is_background for concept in scene.concepts):
        return scene
    left = ~np.any([concept.mask for concept in scene.concepts if not concept.picture], axis=0)
    if not left.any():
        raise UserError(f"{scene.name}: the concepts cover the whole picture, no background is left to be learned")
    background = Concept(BACKGROUND, left, handle(len(scene.concepts)))
    return replace(scene, concepts=(*scene.concepts, background))


def without_concepts(template: str) -> str:
    """A template without its concepts: `a photo of {tokens} at the beach` -> `a photo at the beach`."""
    return " ".join(re.sub(r"(\bof )?\{tokens\}", "", template).split())


def with_article(noun: str) -> str:
    """A word with its article: `a cat`, `an umbrella` (by the first letter: no COCO class is an exception)."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def join_concepts(words: Sequence[str]) -> str:
    """`["a", "b", "c"]` -> `a and b and c` (Break-A-Scene, section 3)."""
    return " and ".join(words)


def handle(index: int) -> str:
    """The handle of the concept at `index` (from 0): `[v1]` for 0."""
    return f"[v{index + 1}]"


def filled(template: str, concepts: Sequence[Concept], phrase: Callable[[Concept], str]) -> str:
    """The template with the concepts' phrases: `{background}` is the background's, `{tokens}` all others', in order."""
    behind = [concept for concept in concepts if concept.is_background and BEHIND in template]
    others = [phrase(concept) for concept in concepts if concept not in behind]
    text = template.replace(BEHIND, join_concepts([phrase(concept) for concept in behind]))
    return text.replace("{tokens}", join_concepts(others))
