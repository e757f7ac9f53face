"""The gallery: every scene with its masks, and the methods' pictures of the same prompt and noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bench.core.scenes import Prompt, Scene
from bench.plugins.metric import Column
from bench.plugins.report import ReportData
from bench.reporting.images import MarkedConcept, file_uri, marked_concepts, side_by_side, uri, with_masks
from bench.reporting.selection import main_metrics, with_values
from bench.run.archive import archived_units
from bench.run.folder import RunFolder
from bench.stats.scene_means import PICTURE, methods_of

MOST_PROMPTS = 12
"""Prompts of a scene that are shown at most."""
MOST_PICTURES = 1200
"""Pictures that a page shows at most (but one prompt a scene): about 25 MB."""

SHOWN = ("method", "file", "text", "concept", *PICTURE)
"""Columns of the table that the gallery needs beside those of its metrics: of all, rows are slow to take out."""
_Record = Mapping[str, Any]
DAMAGED = "the picture is missing or damaged"


@dataclass(frozen=True)
class GalleryScore:
    """One value under a picture: a metric's (label) of the whole picture or prompt, or of one `concept`.

    `value` is None where there is none, and `why` says so.
    """

    metric: str
    concept: MarkedConcept | None
    value: float | None
    why: str


@dataclass(frozen=True)
class GalleryCell:
    """One method's picture of a prompt, and its scores.

    `picture` is None where there is none, and `why` says so; a picture that was not drawn has no scores.
    """

    method: str
    picture: str | None
    why: str
    scores: tuple[GalleryScore, ...]


@dataclass(frozen=True)
class PromptRow:
    """One prompt, as scored and as drawn from, and its pictures, one per method."""

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
    """Every scene with a scored picture, in the dataset's order, and how many metrics each concept has a value of.

    `archived` counts the pictures of archived units: they are not here, and not shown.
    """

    exhibits: tuple[SceneGallery, ...]
    concept_metrics: int
    archived: int = 0

    @property
    def missing(self) -> int:
        """How many pictures that were drawn and scored are not on the disk, or damaged, of those shown."""
        cells = (cell for exhibit in self.exhibits for row in exhibit.rows for cell in row.cells)
        return sum(cell.why == DAMAGED for cell in cells)


def make_gallery(data: ReportData) -> Gallery:
    """The gallery of a run: as many prompts per scene as a page can bear, spread evenly over all of them.

    Under a picture stand the values of the run's main metrics.
    """
    methods, archived = tuple(methods_of(data.table)), _is_archived(data)
    metrics = main_metrics(with_values(data.table, data.metrics))
    shown = [*SHOWN, *(name for metric in metrics for name in (metric.name, metric.reason) if name in data.table)]
    there = data.table.loc[~archived, list(dict.fromkeys(shown))]
    tables = {str(name): rows for name, rows in there.groupby("scene", sort=False)}
    scenes = [scene for scene in data.dataset.scenes if scene.name in tables]
    most = max(1, min(MOST_PROMPTS, MOST_PICTURES // max(1, len(scenes) * len(methods))))
    rooms = [_GalleryScene(data.run_folder, scene, marked_concepts(scene), methods, metrics) for scene in scenes]
    exhibits = tuple(_exhibit(room, tables[room.scene.name], most) for room in rooms)
    n_archived = int(data.table.loc[archived, "file"].nunique())
    return Gallery(exhibits, sum(metric.grain == "concept" for metric in metrics), n_archived)


def _is_archived(data: ReportData) -> pd.Series[bool]:
    """Which rows are of archived units whose pictures are not here."""
    units = archived_units(RunFolder(data.run_folder))
    found = data.table["unit"].isin(units)
    here = {file for file in data.table.loc[found, "file"].unique() if (data.run_folder / str(file)).is_file()}
    return found & ~data.table["file"].isin(here)


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
    metrics: tuple[Column, ...]


def _exhibit(room: _GalleryScene, table: pd.DataFrame, most: int) -> SceneGallery:
    prompts = [rows for _, rows in table.groupby(PICTURE, sort=False, dropna=False)]
    shown = side_by_side(room.scene)
    return SceneGallery(
        name=room.scene.name,
        picture=uri(shown.picture),
        outlined=uri(with_masks(shown)),
        concepts=room.concepts,
        rows=tuple(_row(room, _records(prompts[index])) for index in spread(len(prompts), most)),
        prompts=len(prompts),
    )


def _records(rows: pd.DataFrame) -> list[_Record]:
    """The rows as dicts: taking one by one out of a table is slow."""
    return [dict(zip(map(str, rows.columns), row, strict=True)) for row in rows.itertuples(index=False, name=None)]


def _row(room: _GalleryScene, rows: Sequence[_Record]) -> PromptRow:
    first = rows[0]
    subset = tuple(int(index) for index in str(first["subset"]).split("+"))
    prompt = Prompt(str(first["template"]), subset)
    cells = tuple(_cell(room, [row for row in rows if row["method"] == method], method) for method in room.methods)
    return PromptRow(str(first["text"]), room.scene.text_with_handles(prompt), cells)


def _cell(room: _GalleryScene, rows: Sequence[_Record], method: str) -> GalleryCell:
    if not rows:
        return GalleryCell(method, None, "not drawn yet", ())
    picture = file_uri(room.folder / str(rows[0]["file"]))
    why = "" if picture else DAMAGED
    return GalleryCell(method, picture, why, tuple(_scores(room, rows)))


def _scores(room: _GalleryScene, rows: Sequence[_Record]) -> Iterator[GalleryScore]:
    """The values of the whole picture, then those of each concept."""
    of_concepts = [metric for metric in room.metrics if metric.grain == "concept"]
    for metric in room.metrics:
        if metric not in of_concepts:
            yield _score(metric, None, rows[0])
    for row in rows:
        for metric in of_concepts:
            yield _score(metric, room.concepts[row["concept"]], row)


def _score(metric: Column, concept: MarkedConcept | None, row: _Record) -> GalleryScore:
    value = row[metric.name]
    known = bool(pd.notna(value))
    if known:
        return GalleryScore(metric.label, concept, float(value), "")
    return GalleryScore(metric.label, concept, None, str(row[metric.reason]) if metric.reason in row else "")
