"""The record of what a run's table was scored with: the models, by the hub's commit or the hash of the files, and the
version of the scoring, which says that the same models give other scores.

A preset that names a model's moving revision (`main`) does not pin it: the resolved commit is recorded here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.core.files import read_record, write_json
from bench.plugins.metric import Feature
from bench.plugins.spec import Configured
from bench.run.folder import SCHEMA, RunFolder
from bench.scoring.presets import SCORING_VERSION, Preset


@dataclass(frozen=True)
class _RecordedEvaluators:
    """The file's schema: the commit or hash of every model by its name, and the version, which older files lack."""

    models: dict[str, str]
    scoring_version: int | None = None


def record_evaluators(folder: RunFolder, preset: Preset, metrics: Sequence[Configured]) -> None:
    """Write the models that these metrics are computed with under a preset, and `SCORING_VERSION`.

    Raises `UserError` if a model is not available.
    """
    needs = {feature for metric in metrics for feature in metric.instance.needs}
    models = {name: content for feature in sorted(needs) for name, content in _models(preset, feature).items()}
    content = {"preset": preset.name, "models": models, "scoring_version": SCORING_VERSION}
    write_json(folder.evaluators, content, SCHEMA)


def recorded_evaluators(folder: RunFolder) -> dict[str, str]:
    """The commit or hash of every model that the table was scored with, by its name; empty before the first scoring.

    Raises `UserError` for a damaged record.
    """
    record = _record(folder)
    return record.models if record else {}


def recorded_scoring_version(folder: RunFolder) -> int | None:
    """The `SCORING_VERSION` that the table was scored by; None before the first scoring, and where none was recorded.

    Raises `UserError` for a damaged record.
    """
    record = _record(folder)
    return record.scoring_version if record else None


def _record(folder: RunFolder) -> _RecordedEvaluators | None:
    if not folder.evaluators.is_file():
        return None
    record: _RecordedEvaluators = read_record(folder.evaluators, SCHEMA, _RecordedEvaluators)
    return record


def _models(preset: Preset, feature: Feature) -> dict[str, str]:
    from bench.scoring.models.weights import content, lpips_content  # noqa: PLC0415 - huggingface_hub is slow to import

    if feature == "lpips":
        return {preset.lpips.name: lpips_content(preset.lpips)}
    return {source.name: content(source).removeprefix(f"{source.place}@") for source in preset.sources_of(feature)}
