"""Leakage: assigns the objects found in a picture to the scene's concepts; finds duplicates, swaps and intruders."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class InstanceAssignment:
    """The assignment of the objects found in a picture to the concepts of its scene.

    `classes` is the class of each of the C concepts (None: the segmenter does not know it), `asked` the concepts that
    the prompt asks for, `objects` the class of each of the K found objects, `similarities` float [K, C] the cosine of
    each object with each concept, NaN where the concept's mask is empty.

    An object is only assigned to a concept of its own class. It IS the most similar one of the scene's concepts; it
    was FOUND FOR the most similar one of the prompt's concepts. The two differ only if a scene has several concepts
    of one class and the prompt names only some of them.
    """

    classes: tuple[int | None, ...]
    asked: tuple[int, ...]
    objects: tuple[int, ...]
    similarities: NDArray[np.float64]

    def found_for(self, concept: int) -> tuple[int, ...]:
        """The indices of the objects found for a concept of the prompt: all of its class if no other has that class."""
        return self._assigned(concept, self.asked)

    def being(self, concept: int) -> tuple[int, ...]:
        """The indices of the objects that are a concept of the scene: two or more are duplicates."""
        return self._assigned(concept, range(len(self.classes)))

    def intruders(self) -> tuple[int, ...] | None:
        """The concepts that appear although the prompt does not name them; None if no concept could.

        None could if the prompt names all of them, or the segmenter knows no class of the others.
        """
        others = [index for index, known in enumerate(self.classes) if known is not None and index not in self.asked]
        return tuple(index for index in others if self.being(index)) if others else None

    def _assigned(self, concept: int, among: Sequence[int]) -> tuple[int, ...]:
        return tuple(number for number in range(len(self.objects)) if self._most_like(number, among) == concept)

    def _most_like(self, number: int, among: Sequence[int]) -> int | None:
        """The most similar concept of the object's class; the first of ties, None if there is none."""
        same = [concept for concept in among if self.classes[concept] == self.objects[number]]
        return max(same, key=lambda concept: _known(self.similarities[number, concept]), default=None)


def swapped(similarity_to: Sequence[float], concept: int) -> bool | None:
    """Whether the object found for a concept is more similar to another concept of the scene, of any class.

    `similarity_to` is its row of the leakage matrix: the cosine with every concept of the scene. None where there is
    nothing to compare: no other concept, or an empty mask.
    """
    own = similarity_to[concept]
    others = [value for index, value in enumerate(similarity_to) if index != concept and not math.isnan(value)]
    return None if math.isnan(own) or not others else max(others) > own


def _known(similarity: float) -> float:
    """The similarity, with NaN replaced by a value below every cosine."""
    return -2.0 if math.isnan(similarity) else float(similarity)
