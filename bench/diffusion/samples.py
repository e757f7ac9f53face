"""What a training step sees: a picture, the masks of the chosen concepts, and the text that names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from bench.scenes import Mask, Picture, Scene, join_concepts

Subsets = Literal["uniform", "size-first", "single"]
"""How concepts are chosen.

`uniform`: over all non-empty subsets, in the scene's order (the paper's union sampling). `size-first`: the
size, then a random subset of it in random order (official train.py:528-533). `single`: always one (the
paper's ablation).
"""


@dataclass(frozen=True, eq=False)
class Sample:
    """What one step learns from: a picture uint8 [H, W, 3] and the text that names its concepts `subset`.

    `masks` bool [k, H, W] are theirs, in the order of the text.
    """

    picture: Picture
    masks: Mask
    subset: tuple[int, ...]
    text: str


@dataclass(frozen=True)
class SceneSamples:
    """The scene itself with union sampling, flipped with probability `flip`."""

    subsets: Subsets
    flip: float

    def draw(self, scene: Scene, rng: np.random.Generator) -> Sample:
        """One sample."""
        subset = choose_subset(len(scene.concepts), self.subsets, rng)
        return _flipped(_sample(scene, scene.picture, subset), rng.random() < self.flip)


@dataclass(frozen=True)
class CollectionSamples:
    """The masked collection, drawn anew each step (Break-A-Scene, 4.1 and Figure 6).

    A random subset of the concepts, where they stand in the scene, on a random solid background, flipped half
    of the time.
    """

    subsets: Subsets = "uniform"
    flip: float = 0.5

    def draw(self, scene: Scene, rng: np.random.Generator) -> Sample:
        """One sample."""
        subset = choose_subset(len(scene.concepts), self.subsets, rng)
        union = np.any([scene.concepts[i].mask for i in subset], axis=0)
        colour = rng.integers(0, 256, size=3, dtype=np.uint8)
        picture = np.where(union[:, :, None], scene.picture, colour)
        return _flipped(_sample(scene, picture, subset), rng.random() < self.flip)


def choose_subset(count: int, subsets: Subsets, rng: np.random.Generator) -> tuple[int, ...]:
    """Indices of the chosen concepts among `count`; never empty."""
    if subsets == "uniform":
        bits = int(rng.integers(1, 2**count))
        return tuple(index for index in range(count) if bits >> index & 1)
    size = int(rng.integers(1, count + 1)) if subsets == "size-first" else 1
    return tuple(int(index) for index in rng.permutation(count)[:size])


def _sample(scene: Scene, picture: Picture, subset: tuple[int, ...]) -> Sample:
    masks = np.stack([scene.concepts[i].mask for i in subset])
    text = f"a photo of {join_concepts([scene.concepts[i].handle for i in subset])}"
    return Sample(picture, masks, subset, text)


def _flipped(sample: Sample, flip: bool) -> Sample:
    if not flip:
        return sample
    return Sample(sample.picture[:, ::-1], sample.masks[:, :, ::-1], sample.subset, sample.text)
