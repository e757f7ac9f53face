"""Scores of pictures by a preset's evaluators and any metrics, each feature computed once for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import torch

from bench.core.device import full_fp32, resolve_device
from bench.core.errors import REFUSED, UserError, line_in, one_line
from bench.core.text import count
from bench.plugins.metric import PictureJob, Value
from bench.plugins.spec import Configured
from bench.scoring.batch import ScoringBatch, SharedFeatures
from bench.scoring.evaluators import Evaluators
from bench.scoring.presets import Preset
from bench.scoring.selection import columns_of, standard_metrics

Values: TypeAlias = Mapping[str, Value]
"""The columns of one metric, or of several, for one picture and concept."""
PictureValues: TypeAlias = tuple[Values, ...]
"""One mapping per prompted concept of a picture."""


class Scorer:
    """A preset's evaluators and metrics; the features of scenes are cached.

    A score is a function of scene, prompt and picture alone (diversity: of the prompt's samples among the jobs); the
    batch size moves it by rounding at most.
    """

    def __init__(self, evaluators: Evaluators, metrics: Sequence[Configured]) -> None:
        self.metrics = tuple(metrics)
        self._evaluators = evaluators

    @classmethod
    def load(
        cls, preset: Preset, device: str = "auto", batch_size: int = 8, metrics: Sequence[Configured] | None = None
    ) -> Scorer:
        """Load what the metrics (by default the standard ones) need onto `auto`, `cpu`, `cuda` or `cuda:N`.

        Raises `UserError` if a model is not available.
        """
        chosen = standard_metrics() if metrics is None else tuple(metrics)
        evaluators = Evaluators(preset, resolve_device(device), batch_size)
        evaluators.load(dict.fromkeys(feature for metric in chosen for feature in metric.instance.needs))
        return cls(evaluators, chosen)

    def score(self, jobs: Sequence[PictureJob]) -> list[dict[str, Any]]:
        """Rows of all metrics' columns, in the order of the jobs and, within a job, of its prompt's concepts.

        Jobs that differ in the sample alone are the samples of one prompt of a unit and must be in one call.
        """
        by_metric = self.values(jobs, self.metrics).values()
        rows: list[dict[str, Any]] = []
        for number, job in enumerate(jobs):
            for place, concept in enumerate(job.prompt.subset):
                row = {"concept": concept, "label": job.scene.concepts[concept].label}
                row["preset"] = self._evaluators.preset.name
                rows.append(row | {k: v for values in by_metric for k, v in values[number][place].items()})
        return rows

    @torch.inference_mode()
    @full_fp32()
    def values(self, jobs: Sequence[PictureJob], metrics: Sequence[Configured]) -> dict[str, list[PictureValues]]:
        """The values of some metrics by metric spec, in the order of the jobs; computed in float32, without TF32.

        Raises `UserError` naming the file of a metric that does not return what its grain and columns say.
        """
        found: dict[str, list[PictureValues]] = {metric.spec: [] for metric in metrics}
        for metric in metrics:
            if metric.instance.grain == "prompt":
                found[metric.spec] = self._score(metric, SharedFeatures(jobs, self._evaluators)) if jobs else []
        size = self._evaluators.batch_size
        for start in range(0, len(jobs), size):
            shared = SharedFeatures(jobs[start : start + size], self._evaluators)
            for metric in metrics:
                if metric.instance.grain != "prompt":
                    found[metric.spec] += self._score(metric, shared)
        return found

    def _score(self, metric: Configured, shared: SharedFeatures) -> list[PictureValues]:
        batch = ScoringBatch(metric.drop_in.name, metric.canonical, metric.instance.needs, shared)
        values = _scored(metric, batch)
        self._check(metric, batch, values)
        return list(_SPREAD[metric.instance.grain](batch, values))

    def _check(self, metric: Configured, batch: ScoringBatch, values: Sequence[Any]) -> None:
        """Raise `UserError` for a wrong number of values and for columns that the metric does not declare."""
        grain = metric.instance.grain
        wanted = {"picture": len(batch.jobs), "concept": len(batch.concepts), "prompt": len(batch.prompts)}[grain]
        if len(values) != wanted:
            raise UserError(
                f"{metric.drop_in.file}: score() gave {count(len(values), 'value')}, not one per {grain} ({wanted})"
            )
        columns = {column.name for column in columns_of(metric, self._evaluators.preset)}
        for value in values:
            if not isinstance(value, Mapping) or set(value) != columns:
                found = ", ".join(map(str, value)) if isinstance(value, Mapping) else type(value).__name__
                raise UserError(f"{metric.drop_in.file}: score() gave {found}; its columns are {', '.join(columns)}")


def _scored(metric: Configured, batch: ScoringBatch) -> list[Values]:
    """What a metric returns; raises `UserError`, one line with the metric's file, where it fails."""
    try:
        return list(metric.instance.score(batch))
    except (UserError, *REFUSED):
        raise
    except Exception as error:
        place = line_in(error, metric.drop_in.file)
        raise UserError(f"{place}: the metric {metric.spec} failed: {one_line(error)}") from error


def _per_picture(batch: ScoringBatch, values: Sequence[Values]) -> Iterator[PictureValues]:
    for job, value in zip(batch.jobs, values, strict=True):
        yield (value,) * len(job.prompt.subset)


def _per_concept(batch: ScoringBatch, values: Sequence[Values]) -> Iterator[PictureValues]:
    remaining = iter(values)
    for job in batch.jobs:
        yield tuple(next(remaining) for _ in job.prompt.subset)


def _per_prompt(batch: ScoringBatch, values: Sequence[Values]) -> Iterator[PictureValues]:
    of_job = {id(job): value for samples, value in zip(batch.prompts, values, strict=True) for job in samples}
    for job in batch.jobs:
        yield (of_job[id(job)],) * len(job.prompt.subset)


_SPREAD = {"picture": _per_picture, "concept": _per_concept, "prompt": _per_prompt}
