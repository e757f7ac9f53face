"""Scores the drawn pictures of a plan and assembles the one tidy table; never draws a picture.

Threads read pictures ahead while the evaluators compute. A call of the scorer takes whole prompts of one unit, so that
its scores do not depend, by rounding, on which other units are drawn, nor on which worker scores it; they are stored as
soon as its last picture is scored.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from bench.core.errors import UserError, one_line
from bench.core.files import damaged, write_whole
from bench.core.hashing import bytes_hash
from bench.core.images import opened
from bench.core.progress import ShowsProgress, progress_bar
from bench.core.table import COLUMNS, COST
from bench.plugins.metric import Column, PictureJob
from bench.plugins.spec import Configured
from bench.run.archive import with_archived
from bench.run.cost import GENERATE, UnitCost, picture_cost, read_unit_record
from bench.run.execute import is_drawn
from bench.run.folder import RunFolder
from bench.run.names import label
from bench.run.plan import PlannedPicture, Unit
from bench.run.prefetch import prefetch
from bench.run.score_cache import Samples, ScoredImage, keep_scores, kept_scores, samples_of
from bench.run.table_types import cell_fault, kinds_of
from bench.scoring.scorer import PictureValues, Scorer

BATCH = 8
"""The scorer's batch size: calls are sized to fill whole batches."""
CALL = 32
"""Number of pictures after which a call ends, at the end of a prompt."""
AHEAD = 64
"""Maximum number of pictures read ahead: 50 MB at 512 pixels."""


KeyedMetrics: TypeAlias = Mapping[str, Configured]
"""The metrics of a run by their keys (`bench.scoring.selection.metric_key`), in the order of the table's columns."""


@dataclass(frozen=True, eq=False)
class ScoringTask:
    """The samples of one prompt of a unit, to be scored together, and the keys of the metrics that they lack."""

    unit: Unit
    samples: Samples
    metrics: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """A picture that was read: its job, and the hash of the bytes that were decoded."""

    key: str
    job: PictureJob
    sha256: str


class ScoreWriter:
    """Collects scores; each unit's are written when they are complete, metric by metric."""

    def __init__(self, folder: RunFolder, metrics: KeyedMetrics, units: Sequence[Unit]) -> None:
        self._folder = folder
        self._units = {unit.key: unit for unit in units}
        self._scored = {(metric, unit.key): kept_scores(folder, metric, unit) for unit in units for metric in metrics}
        self._metrics = tuple(metrics)

    def tasks(self) -> list[ScoringTask]:
        """All prompts of the units, in their order, each with the metrics that have not scored it."""
        return [
            ScoringTask(unit, samples, self._lacking(unit, samples))
            for unit in self._units.values()
            for samples in samples_of(unit)
        ]

    def add(self, metric: str, loaded: Sequence[LoadedImage], values: Sequence[PictureValues]) -> None:
        """Add a metric's values of those of the pictures that have none."""
        new: dict[str, None] = {}
        for one, of_picture in zip(loaded, values, strict=True):
            if one.key not in self._scored[metric, one.job.unit]:
                self._scored[metric, one.job.unit][one.key] = ScoredImage(one.sha256, of_picture)
                new[one.job.unit] = None
        for unit in new:
            if len(self._scored[metric, unit]) == len(self._units[unit].pictures):
                keep_scores(self._folder, metric, self._units[unit], self._scored[metric, unit])

    def _lacking(self, unit: Unit, samples: Samples) -> tuple[str, ...]:
        """The metrics that have not scored one of the samples."""
        return tuple(
            metric
            for metric in self._metrics
            if any(picture.key not in self._scored[metric, unit.key] for picture in samples)
        )


def drawn_units(folder: RunFolder, units: Sequence[Unit]) -> tuple[Unit, ...]:
    """The units with all their pictures: those that can be scored."""
    return tuple(unit for unit in units if is_drawn(folder, unit))


def lacking_metrics(folder: RunFolder, metrics: KeyedMetrics, unit: Unit) -> tuple[str, ...]:
    """The metrics without valid scores of all pictures of a drawn unit."""
    return tuple(metric for metric in metrics if len(kept_scores(folder, metric, unit)) < len(unit.pictures))


def score(
    folder: RunFolder,
    metrics: KeyedMetrics,
    units: Sequence[Unit],
    scorer: Scorer,
    names: Mapping[str, str] = MappingProxyType({}),
    progress: ShowsProgress | None = None,
) -> None:
    """Compute the missing scores of each unit and store them under each metric's key.

    Which pictures share a call follows from their unit alone, and not from what an earlier start had scored: a score
    depends, by rounding, on its call, and so a start that was interrupted changes none. Of a call that lacks something,
    what it does not lack is kept. `names` are display names of methods by spec. Progress is shown as a bar unless
    something else is to be told of it.

    Raises `UserError` for a picture that cannot be read, and for a metric that breaks its contract.
    """
    writer = ScoreWriter(folder, metrics, units)
    lacking = [call for call in calls(writer.tasks()) if any(task.metrics for task in call)]
    wanted = [(task.unit, picture) for call in lacking for task in call for picture in task.samples]
    reading = prefetch(lambda one: _open(folder, *one), wanted, AHEAD)
    showing = progress_bar("scoring", len(wanted)) if progress is None else contextlib.nullcontext(progress)
    with contextlib.closing(reading) as pictures, showing as shown:
        for call in lacking:
            unit = call[0].unit
            shown.say(f"scoring {label(names, unit.method.spec)} · {unit.scene.name}")
            loaded = list(itertools.islice(pictures, sum(len(task.samples) for task in call)))
            chosen = {key: metric for key, metric in metrics.items() if any(key in task.metrics for task in call)}
            values = scorer.values([one.job for one in loaded], list(chosen.values()))
            for key, metric in chosen.items():
                writer.add(key, loaded, values[metric.spec])
            shown.advance(len(loaded))


def calls(tasks: Iterable[ScoringTask]) -> Iterator[list[ScoringTask]]:
    """Group the tasks, in order, into calls that end at full batches, at `CALL` pictures, or where a unit ends."""
    for _, of_unit in itertools.groupby(tasks, lambda task: task.unit):
        call: list[ScoringTask] = []
        pictures = 0
        for task in of_unit:
            call.append(task)
            pictures += len(task.samples)
            if pictures % BATCH == 0 or pictures >= CALL:
                yield call
                call, pictures = [], 0
        if call:
            yield call


@dataclass(frozen=True)
class TableLayout:
    """The values that all rows of the table share, and its columns: the common ones, the metrics', the costs."""

    dataset: str
    preset: str
    columns: tuple[Column, ...]


def assemble(folder: RunFolder, metrics: KeyedMetrics, layout: TableLayout, units: Sequence[Unit]) -> pd.DataFrame:
    """The table of every scored unit, in the plan's order, also written to `scores.parquet`.

    Archived units keep the rows that they have there. Raises `UserError` for scores that no table can hold.
    """
    rows = [row for unit in units for row in _rows(folder, metrics, layout, unit)]
    common = [name for name in COLUMNS if not name.startswith(COST)]
    costs = [name for name in COLUMNS if name.startswith(COST)]
    table = pd.DataFrame(rows, columns=[*common, *(column.name for column in layout.columns), *costs])
    table = with_archived(folder, table, units)
    try:
        write_whole(folder.table, lambda path: table.to_parquet(path, index=False))
    except (ValueError, TypeError, OverflowError) as error:  # a column that nobody compares, of mixed types
        where = f"{folder.path / 'scores'} is damaged, or a metric gives text and numbers in one column"
        raise UserError(f"{where} ({one_line(error)}); delete it and score again") from error
    return table


def _open(folder: RunFolder, unit: Unit, picture: PlannedPicture) -> LoadedImage:
    path = folder.picture(picture.key)
    try:
        content = path.read_bytes()
        with opened(path, content) as image:
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, UserError) as error:
        raise UserError(f"{path} cannot be read ({error}); delete it: `bench run` draws it again") from error
    job = PictureJob(unit.scene, picture.request.prompt, pixels, unit.key)
    return LoadedImage(picture.key, job, bytes_hash(content))


def _rows(folder: RunFolder, metrics: KeyedMetrics, layout: TableLayout, unit: Unit) -> Iterator[dict[str, Any]]:
    """The rows of a unit that is completely drawn and scored; none of any other."""
    if not is_drawn(folder, unit):
        return
    scored = [kept_scores(folder, metric, unit) for metric in metrics]
    if any(len(kept) < len(unit.pictures) for kept in scored):
        return
    for metric, kept in zip(metrics, scored, strict=True):
        _check_values(folder.scores(metric, unit.key), layout, kept)
    costs = UnitCost.columns(vars(read_unit_record(folder.unit_record(unit.key))))
    for picture in unit.pictures:
        about = {**_about(folder, unit, picture), "dataset": layout.dataset, "preset": layout.preset, **costs}
        for place, concept in enumerate(picture.request.prompt.subset):
            values = {name: v for kept in scored for name, v in kept[picture.key].values[place].items()}
            yield {**about, "concept": concept, "label": unit.scene.concepts[concept].label, **values}


def _check_values(file: Path, layout: TableLayout, kept: Mapping[str, ScoredImage]) -> None:
    """Raise `UserError` for a value in a metric's file that its column cannot hold."""
    kinds = kinds_of(layout.columns)
    for picture, scored in kept.items():
        for name, value in (item for values in scored.values for item in values.items()):
            if fault := cell_fault(kinds[name], value) if name in kinds else None:
                raise damaged(file, f"pictures.{picture}: {name}: {fault}")


def _about(folder: RunFolder, unit: Unit, picture: PlannedPicture) -> dict[str, Any]:
    """The columns that describe a picture."""
    file = folder.picture(picture.key)
    prompt = picture.request.prompt
    return {
        "scene": unit.scene.name,
        "method": unit.method.spec,
        "seed": unit.run_seed,
        "unit": unit.key,
        "picture": picture.key,
        "file": file.relative_to(folder.path).as_posix(),
        "template": prompt.template,
        "subset": "+".join(map(str, prompt.subset)),
        "sample": prompt.sample,
        "text": unit.scene.text_with_classes(prompt),
        f"{GENERATE}seconds": picture_cost(file).seconds,
    }
