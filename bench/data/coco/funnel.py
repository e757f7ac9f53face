"""Applies the rules image by image and counts what remains after each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from rich.table import Table

from bench.core.geometry import Square, centred_square
from bench.core.text import count
from bench.data.coco import masks, rules
from bench.data.coco.index import Annotation, Index, Photo
from bench.data.coco.rules import BREAK_A_SCENE, Instance, SelectionCriteria

Crop: TypeAlias = Literal["center", "best"]
"""The centred square, or the window that keeps most of the concepts."""
BATCH = 256
"""Number of images between two updates of the progress bar."""
_WORDS = ("no", "one", "two", "three", "four", "five", "six")


@dataclass(frozen=True, eq=False)
class Candidate:
    """An image that passed every rule, its crop and its concepts, largest first."""

    photo: Photo
    square: Square
    concepts: tuple[Instance, ...]

    @property
    def photo_key(self) -> tuple[object, ...]:
        """Equal for one photo in two annotation files: same ids and sides, and the same masks.

        Ids alone do not tell, as files may count theirs from 1.
        """
        masks = ((one.annotation.id, one.label, one.rle["counts"]) for one in self.concepts)
        return (self.photo.id, self.photo.width, self.photo.height, *masks)


@dataclass
class Funnel:
    """Numbers of images and annotations that remain after each rule, in the rules' order."""

    left: dict[str, list[int]] = field(default_factory=dict)

    def count(self, rule: str, annotations: int) -> None:
        """Count an image of which this many annotations remain after the rule."""
        row = self.left.setdefault(rule, [0, 0])
        row[0] += annotations > 0
        row[1] += annotations

    def set(self, rule: str, images: int, annotations: int) -> None:
        """Set the numbers that remain after a rule that is not applied image by image."""
        self.left[rule] = [images, annotations]

    def table(self) -> Table:
        """The funnel as a table."""
        table = Table("rule", title="What each rule leaves", title_justify="left")
        table.add_column("images", justify="right")
        table.add_column("annotations", justify="right")
        for rule, counts in self.left.items():
            table.add_row(rule, *(f"{count:,}" for count in counts))
        return table


def candidates(
    indexes: Sequence[Index], crop: Crop, on_images: Callable[[int], None], demand: SelectionCriteria = BREAK_A_SCENE
) -> tuple[list[Candidate], Funnel]:
    """All images that pass the rules, and the funnel; `on_images` is called with how many more are done.

    Raises `UserError`, naming file and annotation, for a segmentation that cannot be drawn.
    """
    funnel = Funnel()
    photos = sum(len(index.photos) for index in indexes)
    funnel.set("in the annotation files", photos, sum(map(len, _all_annotations(indexes))))
    found: list[Candidate] = []
    for index in indexes:
        for number, photo in enumerate(index.photos.values(), start=1):
            candidate = _Examination(index, photo, crop, funnel, demand).candidate()
            if candidate is not None:
                found.append(candidate)
            if number % BATCH == 0:
                on_images(BATCH)
        on_images(len(index.photos) % BATCH)
    return found, funnel


def _all_annotations(indexes: Sequence[Index]) -> Iterable[Sequence[Annotation]]:
    return (group for index in indexes for group in index.annotations.values())


@dataclass(frozen=True)
class _Examination:
    """Applies the rules to one image."""

    index: Index
    photo: Photo
    crop: Crop
    funnel: Funnel
    demand: SelectionCriteria

    def candidate(self) -> Candidate | None:
        annotations = self._usable()
        square, instances = self._inside(annotations) if self.crop == "center" else self._best(annotations)
        self.funnel.count(f"covers at least {float(100 * self.demand.coverage):g} % of the square crop", len(instances))
        if self.demand.repeated_classes:
            instances = rules.by_size(instances)
        else:
            instances = rules.largest_of_each_class(instances)
            self.funnel.count("the largest of its class", len(instances))
        if len(instances) < self.demand.fewest:
            instances = []
        if self.demand.fewest > 1:
            kind = "things" if self.demand.repeated_classes else "distinct classes"
            self.funnel.count(f"at least {_WORDS[self.demand.fewest]} {kind}", len(instances))
        instances = instances[: self.demand.most]
        largest = "the largest" if self.demand.most == 1 else f"the {_WORDS[self.demand.most]} largest at most"
        self.funnel.count(largest, len(instances))
        return Candidate(self.photo, square, tuple(instances)) if instances else None

    def _usable(self) -> list[Annotation]:
        """Single things of the classes that are kept."""
        kept = [a for a in self._annotations if self.index.categories[a.category_id].thing]
        self.funnel.count("a thing", len(kept))
        kept = [annotation for annotation in kept if not annotation.crowd]
        self.funnel.count("not a crowd (iscrowd 0)", len(kept))
        kept = [annotation for annotation in kept if self.demand.allows(self._label(annotation))]
        classes = self.demand.classes
        rule = (
            "not one of the six dropped classes"
            if classes is None
            else f"one of {count(len(classes), 'class', 'classes')}"
        )
        self.funnel.count(rule, len(kept))
        return kept

    @property
    def _annotations(self) -> tuple[Annotation, ...]:
        return self.index.annotations.get(self.photo.id, ())

    def _label(self, annotation: Annotation) -> str:
        return self.index.categories[annotation.category_id].name

    def _inside(self, annotations: Sequence[Annotation]) -> tuple[Square, list[Instance]]:
        """The instances that fill enough of the centred square."""
        square = centred_square(self.photo.width, self.photo.height)
        return square, self._filling(self._drawn(annotations, square, square.side), square)

    def _drawn(
        self, annotations: Sequence[Annotation], square: Square, side: int
    ) -> list[tuple[Annotation, masks.Rle]]:
        """The rasterised instances that may fill enough of a crop of that side inside `square`.

        A cheap upper bound avoids rasterising two of three; it does not change the result.
        """
        return [
            (annotation, self._draw(annotation))
            for annotation in annotations
            if rules.fills(masks.most_pixels(annotation.segmentation, square), side, self.demand.coverage)
        ]

    def _best(self, annotations: Sequence[Annotation]) -> tuple[Square, list[Instance]]:
        """The window that keeps most of the concepts, and the instances that fill enough of it."""
        square = centred_square(self.photo.width, self.photo.height)
        whole = Square(0, 0, max(self.photo.width, self.photo.height))
        drawn = self._drawn(annotations, whole, square.side)
        drawn = [(a, rle) for a, rle in drawn if self._fills(masks.area(rle), square.side)]
        if drawn:
            pixels = [masks.decode(rle) for _, rle in drawn]
            labels = [self._label(annotation) for annotation, _ in drawn]
            square = rules.best_square(self.photo.width, self.photo.height, labels, pixels, self.demand)
        return square, self._filling(drawn, square)

    def _filling(self, drawn: Sequence[tuple[Annotation, masks.Rle]], square: Square) -> list[Instance]:
        counted = [(a, rle, masks.pixels_inside(rle, square)) for a, rle in drawn]
        return [
            Instance(a, self._label(a), rle, pixels) for a, rle, pixels in counted if self._fills(pixels, square.side)
        ]

    def _fills(self, pixels: float, side: int) -> bool:
        return rules.fills(pixels, side, self.demand.coverage)

    def _draw(self, annotation: Annotation) -> masks.Rle:
        try:
            return masks.rasterise(annotation.segmentation, self.photo.height, self.photo.width)
        except ValueError as error:
            raise self.index.wrong(annotation, str(error)) from error
