"""The samples of training steps: a picture, the masks of the chosen concepts, and the text that names them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from bench.core.scenes import Concept, ImageArray, Mask, Prompt, Scene, filled, with_article
from bench.core.validation import check_field

Subsets = Literal["uniform", "size-first", "all"]
"""How concepts are chosen.

`uniform`: over all non-empty subsets, in the scene's order (the paper's union sampling). `size-first`: the
size, then a random subset of it in random order (official train.py:528-533). `all`: every concept each time.
"""


@dataclass(frozen=True)
class TextTemplate:
    """The texts with which a method names concepts.

    `template` is the text of a training step; its `{tokens}` are the phrases of the step's concepts, joined by
    "and". A `phrase` may hold `{handle}`, `{label}`, `{object}`, and the latter two with their article:
    `{a_label}`, `{a_object}`.
    """

    template: str = "a photo of {tokens}"
    phrase: str = "{handle}"

    def training_text(self, concepts: Sequence[Concept]) -> str:
        """The text of a training step on these concepts: `a photo of [v1] and [v2]`."""
        return self._fill(self.template, concepts)

    def prompt_text(self, scene: Scene, prompt: Prompt) -> str:
        """The text of a prompt, with the template's phrases: `a photo of [v1] and [v2] at the beach`."""
        return self._fill(prompt.template, [scene.concepts[index] for index in prompt.subset])

    def _fill(self, template: str, concepts: Sequence[Concept]) -> str:
        return filled(template, concepts, self._phrase)

    def _phrase(self, concept: Concept) -> str:
        return self.phrase.format(
            handle=concept.handle,
            label=concept.label,
            object=concept.object,
            a_label=with_article(concept.label),
            a_object=with_article(concept.object),
        )


@dataclass(frozen=True, eq=False)
class Sample:
    """The data of one training step: a picture uint8 [H, W, 3] and a text that names its concepts `subset`.

    `masks` [k, H, W] are those of the concepts, in the order of the text: bool, or float32 in [0, 1] with soft edges.
    `flipped` says whether picture and masks are mirrored.
    """

    picture: ImageArray
    masks: Mask | npt.NDArray[np.float32]
    subset: tuple[int, ...]
    text: str
    flipped: bool = False


@dataclass(frozen=True)
class SceneSamples:
    """The scene itself with union sampling, flipped with probability `flip`.

    `single` is the probability that a step has one concept alone (None: as `subsets` gives it).
    The picture is multiplied by a number of [1 - brightness, 1 + brightness]. With `soft`, masks keep the edges of
    their source.
    """

    subsets: Subsets
    flip: float
    single: float | None = None
    brightness: float = 0.0
    text_template: TextTemplate = TextTemplate()
    soft: bool = False

    def __post_init__(self) -> None:
        check_field(self, "subsets", Subsets)

    @property
    def fresh(self) -> bool:
        """Whether every sample has a picture of its own, so that no encoding can be used twice."""
        return self.brightness > 0

    def draw(self, scene: Scene, rng: np.random.Generator) -> Sample:
        """Draw one random sample of the scene."""
        subset = _concepts_of_one_image(scene, self.subsets, rng, self.single)
        sample = _sample(scene, self._lit(scene.picture_of(subset[0]), rng), subset, self.text_template, self.soft)
        return _flipped(sample, rng.random() < self.flip)

    def _lit(self, picture: ImageArray, rng: np.random.Generator) -> ImageArray:
        if not self.brightness:
            return picture
        factor = rng.uniform(1 - self.brightness, 1 + self.brightness)
        lit: ImageArray = np.clip(picture * factor, 0, 255).round().astype(np.uint8)
        return lit


@dataclass(frozen=True)
class CollectionSamples:
    """The masked collection, drawn anew each step (Break-A-Scene, 4.1 and Figure 6).

    A random subset of the concepts, where they stand in the scene, on a random solid background, flipped half
    of the time.
    """

    subsets: Subsets = "uniform"
    flip: float = 0.5
    text_template: TextTemplate = TextTemplate()
    fresh: ClassVar[bool] = True
    """Every sample has a picture of its own, so that no encoding can be used twice."""

    def __post_init__(self) -> None:
        check_field(self, "subsets", Subsets)

    def draw(self, scene: Scene, rng: np.random.Generator) -> Sample:
        """Draw one random sample of the scene."""
        subset = _concepts_of_one_image(scene, self.subsets, rng)
        union = np.any([scene.concepts[i].mask for i in subset], axis=0)
        colour = rng.integers(0, 256, size=3, dtype=np.uint8)
        picture = np.where(union[:, :, None], scene.picture_of(subset[0]), colour)
        return _flipped(_sample(scene, picture, subset, self.text_template), rng.random() < self.flip)


def choose_subset(
    count: int, subsets: Subsets, rng: np.random.Generator, single: float | None = None
) -> tuple[int, ...]:
    """Indices of the chosen concepts among `count`; never empty.

    With `single`, one concept is chosen with that probability, uniformly; otherwise a subset of two or more, with
    the probabilities of `subsets` renormalised.
    """
    if single is None or count == 1:
        return _any_subset(count, subsets, rng)
    if rng.random() < single:
        return (int(rng.integers(count)),)
    chosen = _any_subset(count, subsets, rng)
    while len(chosen) == 1:
        chosen = _any_subset(count, subsets, rng)
    return chosen


def _any_subset(count: int, subsets: Subsets, rng: np.random.Generator) -> tuple[int, ...]:
    if subsets == "all":
        return tuple(range(count))
    if subsets == "uniform":
        bits = int(rng.integers(1, 2**count))
        return tuple(index for index in range(count) if bits >> index & 1)
    size = int(rng.integers(1, count + 1))
    return tuple(int(index) for index in rng.permutation(count)[:size])


def _concepts_of_one_image(
    scene: Scene, subsets: Subsets, rng: np.random.Generator, single: float | None = None
) -> tuple[int, ...]:
    """The concepts of one picture; with several pictures, the probability of each is proportional to its concepts."""
    groups = scene.concepts_by_image
    chosen = rng.integers(len(scene.concepts)) if len(groups) > 1 else 0
    group = groups[scene.concepts[int(chosen)].picture]
    return tuple(group[index] for index in choose_subset(len(group), subsets, rng, single))


def _sample(
    scene: Scene, picture: ImageArray, subset: tuple[int, ...], text_template: TextTemplate, soft: bool = False
) -> Sample:
    concepts = [scene.concepts[index] for index in subset]
    if soft:
        edged = np.stack([concept.soft_mask for concept in concepts])
        return Sample(picture, edged, subset, text_template.training_text(concepts))
    masks = np.stack([concept.mask for concept in concepts])
    return Sample(picture, masks, subset, text_template.training_text(concepts))


def _flipped(sample: Sample, flip: bool) -> Sample:
    if not flip:
        return sample
    return Sample(sample.picture[:, ::-1], sample.masks[:, :, ::-1], sample.subset, sample.text, flipped=True)
