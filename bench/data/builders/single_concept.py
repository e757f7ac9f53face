"""Selects scenes with one concept each, spread evenly over a list of classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.core.errors import UserError
from bench.core.text import count
from bench.data.builders.coco import SelectedScenes
from bench.data.coco.funnel import Candidate, Funnel, candidates
from bench.data.coco.index import Index
from bench.data.coco.rules import SelectionCriteria
from bench.data.coco.selection import hash_order
from bench.data.prompts import PromptPlan


@dataclass(frozen=True)
class ConceptOptions:
    """`concepts` scenes of one concept: the largest instance of one of the `classes` in its image's square crop.

    `classes` are comma-separated words; `prompts` the templates, one per line. `origin` names the source of both
    lists. Every field is recorded in the manifest.
    """

    concepts: int
    classes: str
    prompts: str
    samples: int
    seed: int
    origin: str
    split: str = ""
    only_present: bool = False

    def __post_init__(self) -> None:
        """Raises `UserError` for invalid values."""
        if min(self.concepts, self.samples) < 1:
            raise UserError("--concepts and --samples must be at least 1")

    @property
    def class_words(self) -> tuple[str, ...]:
        """The classes, in order."""
        return tuple(self.classes.split(","))

    @property
    def prompt_plan(self) -> PromptPlan:
        """Every template with the one concept, `samples` times."""
        return PromptPlan(tuple(self.prompts.splitlines()), self.samples, "powerset", self.seed)

    def pool(self, indexes: Sequence[Index], on_images: Callable[[int], None]) -> tuple[list[Candidate], Funnel]:
        """All images with an instance of one of the classes that fills enough of the centred square.

        Raises `UserError` if a file does not know one of the classes.
        """
        for index in indexes:
            known = {category.name for category in index.categories.values()}
            if unknown := [word for word in self.class_words if word not in known]:
                raise UserError(
                    f"{index.file} has no class '{unknown[0]}'; this dataset is made from COCO's 80 classes"
                )
        return candidates(
            indexes, "center", on_images, SelectionCriteria(frozenset(self.class_words), fewest=1, most=1)
        )

    def choose(self, pool: Sequence[Candidate]) -> SelectedScenes:
        """Equally many images per class, in hash order; if a class has too few, the next of any class."""
        ordered = hash_order(pool, self.seed)
        chosen = _within(ordered, even_shares(self.class_words, self.concepts))
        lack = self._lack([_class(candidate) for candidate in pool], "the pool")
        if not lack:
            return SelectedScenes(tuple(chosen))
        taken = {id(candidate) for candidate in chosen}
        rest = [candidate for candidate in ordered if id(candidate) not in taken]
        chosen = sorted([*chosen, *rest[: self.concepts - len(chosen)]], key=ordered.index)
        return SelectedScenes(tuple(chosen), lack, f"took {len(chosen)}, more of the other classes")

    def lack_of(self, scenes: Sequence[Sequence[str]]) -> str:
        """Of which classes built scenes have too few; empty if of none."""
        return self._lack([one for classes in scenes for one in classes], "the dataset")

    def _lack(self, found: Sequence[str], place: str) -> str:
        """A sentence on the classes that too few of those found in a place are of; empty if there is none."""
        available, wanted = Counter(found), even_shares(self.class_words, self.concepts)
        lacking = [f"{available[word]} of {word}" for word, number in wanted.items() if available[word] < number]
        asked = f"{count(self.concepts, 'concept')} of {count(len(wanted), 'class', 'classes')}"
        need = f"{asked} need up to {max(wanted.values())} of each, {place} has only "
        return need + ", ".join(lacking) if lacking else ""


def even_shares(classes: Sequence[str], concepts: int) -> dict[str, int]:
    """The number of concepts per class: as equal as possible, one more for the first ones."""
    each, more = divmod(concepts, len(classes))
    return {word: each + (number < more) for number, word in enumerate(classes)}


def _within(ordered: Sequence[Candidate], wanted: dict[str, int]) -> list[Candidate]:
    left = dict(wanted)
    chosen: list[Candidate] = []
    for candidate in ordered:
        if left[_class(candidate)]:
            left[_class(candidate)] -= 1
            chosen.append(candidate)
    return chosen


def _class(candidate: Candidate) -> str:
    return candidate.concepts[0].label
