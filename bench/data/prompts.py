"""The prompts of a scene: Break-A-Scene's ten formats (B.2) with subsets of the scene's concepts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal, TypeAlias

from bench.core.errors import UserError
from bench.core.scenes import BACKGROUND, BEHIND, Prompt
from bench.core.seeds import seed_from

FORMATS: dict[str, str] = {
    "beach": "a photo of {tokens} at the beach",
    "jungle": "a photo of {tokens} in the jungle",
    "snow": "a photo of {tokens} in the snow",
    "street": "a photo of {tokens} in the street",
    "fabric": "a photo of {tokens} on top of a pink fabric",
    "floor": "a photo of {tokens} on top of a wooden floor",
    "city": "a photo of {tokens} with a city in the background",
    "mountain": "a photo of {tokens} with a mountain in the background",
    "eiffel": "a photo of {tokens} with the Eiffel tower in the background",
    "water": "a photo of {tokens} floating on top of water",
}
"""The ten fixed formats by short name, in the paper's order (B.2)."""

ON_BACKGROUND = f"a photo of {{tokens}} at {BEHIND}"
"""Concepts in front of the learned background (Break-A-Scene, Figure 10c: "a chicken at [v3]")."""
ALONE = "a photo of {tokens}"
"""The background alone: a variant of it is drawn."""

PromptScheme: TypeAlias = Literal["powerset", "random"]
"""`powerset`: every format with every subset (B.2). `random`: as many random ones (section 4.1)."""


@dataclass(frozen=True)
class PromptPlan:
    """The prompts of every scene: formats, samples of each prompt, and which reading of the paper."""

    formats: tuple[str, ...]
    samples: int
    reading: PromptScheme
    seed: int

    def prompts(self, scene: str, concepts: int) -> tuple[Prompt, ...]:
        """The prompts of the scene of that name with this many concepts."""
        return self._powerset(concepts) if self.reading == "powerset" else self._random(scene, concepts)

    def prompts_of(self, scene: str, labels: Sequence[str]) -> tuple[Prompt, ...]:
        """The prompts of the scene of that name with concepts of these labels.

        Those of `prompts` for all concepts but the background; then the background alone, and each subset at it.
        """
        others = [index for index, label in enumerate(labels) if label != BACKGROUND]
        plain = [
            replace(prompt, subset=tuple(others[index] for index in prompt.subset))
            for prompt in self.prompts(scene, len(others))
        ]
        return (
            *plain,
            *(prompt for index in sorted(set(range(len(labels))) - {*others}) for prompt in self._at(index, others)),
        )

    def _at(self, background: int, others: Sequence[int]) -> Iterator[Prompt]:
        for sample in range(self.samples):
            yield Prompt(ALONE, (background,), sample)
        for subset in subsets(len(others)):
            for sample in range(self.samples):
                yield Prompt(ON_BACKGROUND, tuple(sorted((background, *(others[index] for index in subset)))), sample)

    def _powerset(self, concepts: int) -> tuple[Prompt, ...]:
        """Every format with every subset: `formats x (2**concepts - 1) x samples`."""
        return tuple(
            Prompt(template, subset, sample)
            for template in self.formats
            for subset in subsets(concepts)
            for sample in range(self.samples)
        )

    def _random(self, scene: str, concepts: int) -> tuple[Prompt, ...]:
        """As many as the powerset has, each of a random format with a random number of random concepts.

        Every draw is a hash of seed, scene and its number; equal draws get different values of `sample`.
        """
        drawn: Counter[tuple[str, tuple[int, ...]]] = Counter()
        prompts: list[Prompt] = []
        for number in range(len(self._powerset(concepts))):
            key = self._draw(scene, concepts, number)
            prompts.append(Prompt(*key, sample=drawn[key]))
            drawn[key] += 1
        return tuple(prompts)

    def _draw(self, scene: str, concepts: int, number: int) -> tuple[str, tuple[int, ...]]:
        def choose(what: str, among: int) -> int:
            return seed_from(prompts=what, scene=scene, draw=number, seed=self.seed) % among

        template = self.formats[choose("format", len(self.formats))]
        tokens = 1 + choose("tokens", concepts)
        of_that_size = list(combinations(range(concepts), tokens))
        return template, of_that_size[choose("subset", len(of_that_size))]


def subsets(concepts: int) -> tuple[tuple[int, ...], ...]:
    """Every non-empty subset of the indices, smaller ones first: (0,), (1,), (0, 1) for two."""
    sizes = range(1, concepts + 1)
    return tuple(subset for size in sizes for subset in combinations(range(concepts), size))


def parse_formats(text: str) -> tuple[str, ...]:
    """The formats that `text` asks for: how many of the first (`10`), or names (`beach,snow`).

    Raises `UserError` for a number out of range and for an unknown or repeated name.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) == 1 and parts[0].isdecimal() and 1 <= int(parts[0]) <= len(FORMATS):
        return tuple(FORMATS.values())[: int(parts[0])]
    if any(part not in FORMATS for part in parts) or len(set(parts)) != len(parts):
        raise UserError(f"--formats {text}: write 1 to {len(FORMATS)}, or some of {','.join(FORMATS)}")
    return tuple(FORMATS[part] for part in parts)
