"""Scores the drawn pictures of a plan and assembles the one tidy table; never draws a picture.

Pictures are read ahead by threads while the evaluators work. A call of the scorer takes whole prompts, of several units
where one does not fill the evaluators' batches; a unit's scores are kept as soon as its last picture is scored.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from bench.core.errors import UserError
from bench.core.files import read_json, write_whole
from bench.core.progress import progress_bar
from bench.core.table import COLUMNS, alternative_columns
from bench.run.cost import GENERATE, UnitCost, picture_cost
from bench.run.execute import is_done
from bench.run.folder import SCHEMA, RunFolder
from bench.run.plan import PlannedPicture, Unit
from bench.run.prefetch import prefetch
from bench.run.score_cache import Samples, ScoredImage, keep_scores, kept_scores, samples_of
from bench.scoring.rows import PictureJob, Row
from bench.scoring.scorer import Scorer

BATCH = 8
"""The scorer's batch: its calls are made to fill whole ones."""
CALL = 32
"""Pictures after which a call ends at the latest, with the prompt that reaches them."""
AHEAD = 64
"""Most pictures read ahead: 50 MB at 512 pixels."""


@dataclass(frozen=True, eq=False)
class ScoringTask:
    """The samples of one prompt of a unit, to be scored together."""

    unit: Unit
    samples: Samples


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """A picture as it was read: its job, and the hash of the very bytes."""

    key: str
    job: PictureJob
    sha256: str


class ScoreWriter:
    """Scores of units as they come; each unit's are written when they are whole."""

    def __init__(self, folder: RunFolder, evaluators: str, units: Sequence[Unit]) -> None:
        self._folder = folder
        self._evaluators = evaluators
        self._open = {unit.key: (unit, kept_scores(folder, evaluators, unit)) for unit in units}

    def tasks(self) -> list[ScoringTask]:
        """What is to be scored, in the order of the units."""
        return [
            ScoringTask(unit, samples)
            for unit, kept in self._open.values()
            for samples in samples_of(unit)
            if any(picture.key not in kept for picture in samples)
        ]

    def add(self, loaded: Sequence[LoadedImage], rows: Iterable[Row]) -> None:
        """Enter the rows of pictures: each has one a concept of its prompt."""
        remaining = iter(rows)
        for one in loaded:
            _, scored = self._open[one.job.unit]
            scored[one.key] = ScoredImage(one.sha256, tuple(itertools.islice(remaining, len(one.job.prompt.subset))))
        for key in dict.fromkeys(one.job.unit for one in loaded):
            self._write_if_whole(key)

    def _write_if_whole(self, key: str) -> None:
        unit, scored = self._open[key]
        if len(scored) == len(unit.pictures):
            keep_scores(self._folder, self._evaluators, unit, scored)
            del self._open[key]


def unscored(folder: RunFolder, evaluators: str, units: Sequence[Unit]) -> tuple[Unit, ...]:
    """The finished units with pictures that these evaluators have not scored, or not as they are now."""
    return tuple(
        unit
        for unit in units
        if is_done(folder, unit) and len(kept_scores(folder, evaluators, unit)) < len(unit.pictures)
    )


def score(folder: RunFolder, evaluators: str, units: Sequence[Unit], scorer: Scorer) -> None:
    """Score what is missing of each unit and keep it under the evaluators' fingerprint.

    Raises `UserError` for a picture that cannot be read.
    """
    writer = ScoreWriter(folder, evaluators, units)
    tasks = writer.tasks()
    wanted = [(task.unit, picture) for task in tasks for picture in task.samples]
    reading = prefetch(lambda one: _open(folder, *one), wanted, AHEAD)
    with contextlib.closing(reading) as pictures, progress_bar("scoring", len(wanted)) as progress:
        for call in calls(tasks):
            progress.say(f"scoring {call[0].unit.method.text} · {call[0].unit.scene.name}")
            loaded = list(itertools.islice(pictures, sum(len(task.samples) for task in call)))
            writer.add(loaded, scorer.score([one.job for one in loaded]))
            progress.advance(len(loaded))


def calls(tasks: Iterable[ScoringTask]) -> Iterator[list[ScoringTask]]:
    """The tasks in order, in calls that end where batches are full or there are `CALL` pictures."""
    call: list[ScoringTask] = []
    pictures = 0
    for task in tasks:
        call.append(task)
        pictures += len(task.samples)
        if pictures % BATCH == 0 or pictures >= CALL:
            yield call
            call, pictures = [], 0
    if call:
        yield call


def assemble(folder: RunFolder, evaluators: str, dataset: str, units: Sequence[Unit]) -> pd.DataFrame:
    """The table of every scored unit, in the plan's order, also written to `scores.parquet`."""
    rows = [row for unit in units for row in _rows(folder, evaluators, dataset, unit)]
    alternatives = alternative_columns(column for row in rows for column in row)
    table = pd.DataFrame(rows, columns=[*COLUMNS, *alternatives])
    write_whole(folder.table, lambda path: table.to_parquet(path, index=False))
    return table


def _open(folder: RunFolder, unit: Unit, picture: PlannedPicture) -> LoadedImage:
    path = folder.picture(picture.key)
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            pixels = np.asarray(image.convert("RGB"))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error}); delete it: `bench run` draws it again") from error
    job = PictureJob(unit.scene, picture.request.prompt, pixels, unit.key)
    return LoadedImage(picture.key, job, hashlib.sha256(content).hexdigest())


def _rows(folder: RunFolder, evaluators: str, dataset: str, unit: Unit) -> Iterator[dict[str, Any]]:
    kept = kept_scores(folder, evaluators, unit) if is_done(folder, unit) else {}
    if len(kept) < len(unit.pictures):
        return
    costs = UnitCost.columns(read_json(folder.unit_record(unit.key), SCHEMA))
    for picture in unit.pictures:
        file = folder.picture(picture.key)
        about = {
            "dataset": dataset,
            "scene": unit.scene.name,
            "method": unit.method.text,
            "seed": unit.seed,
            "unit": unit.key,
            "picture": picture.key,
            "file": file.relative_to(folder.path).as_posix(),
            "template": picture.request.prompt.template,
            "subset": "+".join(map(str, picture.request.prompt.subset)),
            "sample": picture.request.prompt.sample,
            "text": unit.scene.text_with_classes(picture.request.prompt),
            f"{GENERATE}seconds": picture_cost(file).seconds,
            **costs,
        }
        yield from ({**about, **row} for row in kept[picture.key].rows)
