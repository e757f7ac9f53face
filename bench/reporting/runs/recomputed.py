"""Scores computed again from a run's pictures, beside those in its table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.core.images import read_picture
from bench.core.progress import progress_bar
from bench.core.scenes import Dataset, Prompt
from bench.plugins.metric import Column, PictureJob
from bench.reporting.runs.recorded import RecordedRun
from bench.scoring.presets import find_preset
from bench.scoring.scorer import Scorer
from bench.scoring.selection import standard_metrics

PROMPT = ["method", "scene", "template", "subset"]
SEED = 0
CALL = 32


@dataclass(frozen=True)
class OtherValue:
    """A value of the table that the picture does not give: `recorded` and `found` are NaN where there is none."""

    file: str
    concept: int
    metric: str
    recorded: float
    found: float


@dataclass(frozen=True)
class Recomputed:
    """`pictures` of `of` were scored again; of `values` those that differ, and the largest difference of all."""

    pictures: int
    of: int
    how: str
    values: int
    different: tuple[OtherValue, ...]
    worst: float


def recompute(
    run: RecordedRun, dataset: Dataset, sample: int | None, device: str, tolerance: float = 1e-3
) -> Recomputed:
    """Score the pictures of some prompts again, whole prompts at a time, and compare with the table.

    At least `sample` pictures, drawn at random with a fixed seed; None: all of them.
    """
    groups = [rows for _, rows in run.table.groupby(PROMPT, sort=False)]
    order = np.random.default_rng(SEED).permutation(len(groups))
    chosen: list[pd.DataFrame] = []
    pictures = 0
    for place in order:
        if sample is not None and pictures >= sample:
            break
        chosen.append(groups[place])
        pictures += groups[place]["file"].nunique()
    columns = _standard(run.metrics)
    values = list(_compared(run.path, dataset, find_preset(run.preset), chosen, columns, device))
    gaps = [_gap(one) for one in values]
    different = tuple(one for one, gap in zip(values, gaps, strict=True) if gap > tolerance)
    of = int(run.table["file"].nunique())
    how = "all" if sample is None or pictures >= of else f"whole prompts drawn at random, seed {SEED}"
    return Recomputed(pictures, of, how, len(values), different, max(gaps, default=math.nan))


def score_files(
    folder: Path, dataset: Dataset, preset: Any, rows: Sequence[pd.DataFrame], device: str
) -> Iterator[tuple[pd.DataFrame, list[list[Mapping[str, Any]]]]]:
    """Score the pictures of some prompts; of each its rows and, by picture, the values by concept.

    `rows` are those of a table, a frame per prompt; files are relative to `folder`.
    """
    scenes = {scene.name: scene for scene in dataset.scenes}
    metrics = standard_metrics()
    scorer = Scorer.load(preset, device, metrics=metrics)
    waiting = iter(rows)
    with progress_bar("scoring", len(rows)) as progress:
        while call := list(islice(waiting, CALL)):
            jobs = []
            for prompt in call:
                for row in prompt.drop_duplicates("file").to_dict("records"):
                    subset = tuple(map(int, str(row["subset"]).split("+")))
                    asked = Prompt(str(row["template"]), subset, int(row["sample"]))
                    unit = f"{row['method']} {row['scene']}"
                    jobs.append(
                        PictureJob(scenes[str(row["scene"])], asked, read_picture(folder / str(row["file"])), unit)
                    )
            scored = scorer.values(jobs, metrics)
            merged: list[list[Mapping[str, Any]]] = [
                [
                    {name: value for of_metric in parts for name, value in of_metric.items()}
                    for parts in zip(*of_picture, strict=True)
                ]
                for of_picture in zip(*(scored[metric.spec] for metric in metrics), strict=True)
            ]
            values = iter(merged)
            for prompt in call:
                yield prompt, list(islice(values, prompt["file"].nunique()))
            progress.advance(len(call))


def _compared(
    folder: Path,
    dataset: Dataset,
    preset: Any,
    rows: Sequence[pd.DataFrame],
    columns: Sequence[Column],
    device: str,
) -> Iterator[OtherValue]:
    for prompt, scored in score_files(folder, dataset, preset, rows, device):
        for (file, of_file), values in zip(prompt.groupby("file", sort=False), scored, strict=True):
            for row, found in zip(of_file.to_dict("records"), values, strict=True):
                for column in columns:
                    recorded, now = _number(row[column.name]), _number(found[column.name])
                    yield OtherValue(str(file), int(row["concept"]), column.label, recorded, now)


def _standard(metrics: Sequence[Column]) -> tuple[Column, ...]:
    """Those of the columns that the standard metrics fill."""
    names = {column.name for metric in standard_metrics() for column in metric.instance.columns}
    return tuple(metric for metric in metrics if metric.name in names)


def _gap(one: OtherValue) -> float:
    """How far the two are apart; infinite where only one has a value."""
    if math.isnan(one.recorded) or math.isnan(one.found):
        return 0.0 if math.isnan(one.recorded) and math.isnan(one.found) else math.inf
    return abs(one.recorded - one.found)


def _number(value: Any) -> float:
    return math.nan if value is None or value is pd.NA else float(value)
