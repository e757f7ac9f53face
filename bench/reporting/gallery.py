"""The gallery: every scene with its masks, and the methods' pictures of the same prompt and noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.core.scenes import Prompt, Scene
from bench.plugins.report import ReportData
from bench.reporting.images import css_colour, file_uri, places, side_by_side, uri, with_masks
from bench.stats.scene_means import PICTURE, methods_of

MOST_PROMPTS = 12
"""Prompts of a scene that are shown at most."""
MOST_PICTURES = 1200
"""Pictures that a page shows at most (but one prompt a scene): about 25 MB."""


@dataclass(frozen=True)
class MarkedConcept:
    """A concept as marked in the scene's picture; its name stands at `left` and `top`, shares of the sides."""

    handle: str
    label: str
    colour: str
    left: float
    top: float


@dataclass(frozen=True)
class ConceptScore:
    """One concept's score under a picture; `value` is None where there is none, and `why` says so."""

    concept: MarkedConcept
    value: float | None
    why: str


@dataclass(frozen=True)
class GalleryCell:
    """One method's picture of a prompt; `picture` is None where there is none, and `why` says so."""

    method: str
    picture: str | None
    why: str
    prompt_similarity: float
    scores: tuple[ConceptScore, ...]


@dataclass(frozen=True)
class PromptRow:
    """One prompt, as scored and as drawn from, and its pictures, one a method."""

    text: str
    text_with_handles: str
    cells: tuple[GalleryCell, ...]


@dataclass(frozen=True)
class SceneGallery:
    """One scene: its picture plain and with its concepts outlined, and some of its `prompts`."""

    name: str
    picture: str
    outlined: str
    concepts: tuple[MarkedConcept, ...]
    rows: tuple[PromptRow, ...]
    prompts: int


@dataclass(frozen=True)
class Gallery:
    """Every scene with a scored picture, in the dataset's order; `missing` pictures could not be read."""

    exhibits: tuple[SceneGallery, ...]

    @property
    def missing(self) -> int:
        """How many pictures that were drawn and scored are not on the disk, or damaged, of those shown."""
        cells = (cell for exhibit in self.exhibits for row in exhibit.rows for cell in row.cells)
        return sum(cell.picture is None and bool(cell.scores) for cell in cells)


def make_gallery(data: ReportData) -> Gallery:
    """The gallery of a run: as many prompts a scene as a page can bear, spread evenly over all of them."""
    methods = tuple(methods_of(data.table))
    tables = {str(name): rows for name, rows in data.table.groupby("scene", sort=False)}
    scenes = [scene for scene in data.dataset.scenes if scene.name in tables]
    most = max(1, min(MOST_PROMPTS, MOST_PICTURES // max(1, len(scenes) * len(methods))))
    rooms = [_GalleryScene(data.run_folder, scene, _marked(scene), methods) for scene in scenes]
    return Gallery(tuple(_exhibit(room, tables[room.scene.name], most) for room in rooms))


def spread(total: int, most: int) -> list[int]:
    """At most `most` indices below `total`, evenly spread, the first one included."""
    return [index * total // most for index in range(most)] if total > most else list(range(total))


@dataclass(frozen=True)
class _GalleryScene:
    """What every picture of one scene's exhibit needs."""

    folder: Path
    scene: Scene
    concepts: tuple[MarkedConcept, ...]
    methods: tuple[str, ...]


def _exhibit(room: _GalleryScene, table: pd.DataFrame, most: int) -> SceneGallery:
    prompts = [rows for _, rows in table.groupby(PICTURE, sort=False, dropna=False)]
    shown = side_by_side(room.scene)
    return SceneGallery(
        name=room.scene.name,
        picture=uri(shown.picture),
        outlined=uri(with_masks(shown)),
        concepts=room.concepts,
        rows=tuple(_row(room, prompts[index]) for index in spread(len(prompts), most)),
        prompts=len(prompts),
    )


def _marked(scene: Scene) -> tuple[MarkedConcept, ...]:
    spots = places([concept.mask for concept in side_by_side(scene).concepts])
    return tuple(
        MarkedConcept(concept.handle, concept.label, css_colour(index), *spot)
        for index, (concept, spot) in enumerate(zip(scene.concepts, spots, strict=True))
    )


def _row(room: _GalleryScene, rows: pd.DataFrame) -> PromptRow:
    first = rows.iloc[0]
    subset = tuple(int(index) for index in str(first["subset"]).split("+"))
    prompt = Prompt(str(first["template"]), subset)
    cells = tuple(_cell(room, rows[rows["method"] == method], method) for method in room.methods)
    return PromptRow(str(first["text"]), room.scene.text_with_handles(prompt), cells)


def _cell(room: _GalleryScene, rows: pd.DataFrame, method: str) -> GalleryCell:
    if rows.empty:
        return GalleryCell(method, None, "not drawn yet", math.nan, ())
    picture = file_uri(room.folder / str(rows["file"].iloc[0]))
    scores = tuple(
        _score(room.concepts[concept], similarity, reason)
        for concept, similarity, reason in zip(
            rows["concept"], rows["identity_similarity"], rows["reason"], strict=True
        )
    )
    why = "" if picture else "the picture is missing or damaged"
    return GalleryCell(method, picture, why, float(rows["prompt_similarity"].iloc[0]), scores)


def _score(concept: MarkedConcept, similarity: float, reason: str) -> ConceptScore:
    known = not math.isnan(similarity)
    return ConceptScore(concept, float(similarity) if known else None, "" if known else str(reason))
