"""Scores the drawn pictures of a plan and assembles the one tidy table; never draws a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from bench.metrics.score import PictureJob, Row, Scorer
from bench.plan import PlannedPicture, Unit
from bench.run.fits import FIT_COST
from bench.run.folder import SCHEMA, RunFolder
from bench.run.progress import bar
from bench.run.work import COST, is_done
from bench.store import read_json, write_json, write_whole
from bench.table import COLUMNS


def unscored(folder: RunFolder, evaluators: str, units: Sequence[Unit]) -> tuple[Unit, ...]:
    """The finished units that these evaluators have not scored, or not with all their pictures."""
    return tuple(unit for unit in units if is_done(folder, unit) and _cached(folder, evaluators, unit) is None)


def score(folder: RunFolder, evaluators: str, units: Sequence[Unit], scorer: Scorer) -> None:
    """Score each unit and cache its rows under the evaluators' fingerprint."""
    with bar("scoring", sum(len(unit.pictures) for unit in units)) as progress:
        for unit in units:
            progress.say(f"scoring {unit.method.text} · {unit.scene.name}")
            jobs = [_job(folder, unit, picture) for picture in unit.pictures]
            rows = scorer.score(jobs)
            write_json(folder.scores(evaluators, unit.identity), {"rows": _by_picture(unit, rows)}, SCHEMA)
            progress.advance(len(jobs))


def assemble(folder: RunFolder, evaluators: str, dataset: str, units: Sequence[Unit]) -> pd.DataFrame:
    """The table of every scored unit, in the plan's order, also written to `scores.parquet`."""
    rows = [row for unit in units for row in _rows(folder, evaluators, dataset, unit)]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    write_whole(folder.table, lambda path: table.to_parquet(path, index=False))
    return table


def _cached(folder: RunFolder, evaluators: str, unit: Unit) -> Mapping[str, list[Row]] | None:
    path = folder.scores(evaluators, unit.identity)
    if not path.is_file():
        return None
    rows: Mapping[str, list[Row]] = read_json(path, SCHEMA)["rows"]
    # neither fewer nor more: a prompt's diversity depends on which samples were scored together
    return rows if rows.keys() == {picture.identity for picture in unit.pictures} else None


def _job(folder: RunFolder, unit: Unit, picture: PlannedPicture) -> PictureJob:
    with Image.open(folder.picture(picture.identity)) as image:
        return PictureJob(unit.scene, picture.request.prompt, np.asarray(image.convert("RGB")))


def _by_picture(unit: Unit, rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows under their picture's identity; each picture has one row a concept of its prompt."""
    remaining = iter(rows)
    return {picture.identity: [next(remaining) for _ in picture.request.prompt.subset] for picture in unit.pictures}


def _rows(folder: RunFolder, evaluators: str, dataset: str, unit: Unit) -> Iterator[dict[str, Any]]:
    cached = _cached(folder, evaluators, unit) if is_done(folder, unit) else None
    if cached is None:
        return
    fit_seconds = read_json(folder.record(unit.identity), SCHEMA)[FIT_COST]
    for picture in unit.pictures:
        file = folder.picture(picture.identity)
        with Image.open(file) as image:
            seconds = float(image.info[COST])
        about = {
            "dataset": dataset,
            "scene": unit.scene.name,
            "method": unit.method.text,
            "seed": unit.seed,
            "unit": unit.identity,
            "picture": picture.identity,
            "file": file.relative_to(folder.path).as_posix(),
            "template": picture.request.prompt.template,
            "subset": "+".join(map(str, picture.request.prompt.subset)),
            "sample": picture.request.prompt.sample,
            "text": unit.scene.text_with_classes(picture.request.prompt),
            FIT_COST: fit_seconds,
            COST: seconds,
        }
        yield from ({**about, **row} for row in cached[picture.identity])
