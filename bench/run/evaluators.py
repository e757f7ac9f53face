"""The record of the models that a run's table was scored with: the hub's commit or the hash of the files.

A preset that names a model's moving revision (`main`) does not pin it: the resolved commit is recorded here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.core.files import read_record, write_json
from bench.plugins.metric import Feature
from bench.plugins.spec import Configured
from bench.run.folder import SCHEMA, RunFolder
from bench.scoring.presets import Preset


@dataclass(frozen=True)
class _RecordedEvaluators:
    """The file's schema: the commit or hash of every model by its name."""

    models: dict[str, str]


def record_evaluators(folder: RunFolder, preset: Preset, metrics: Sequence[Configured]) -> None:
    """Write the models that these metrics are computed with under a preset.

    Raises `UserError` if a model is not available.
    """
    needs = {feature for metric in metrics for feature in metric.instance.needs}
    models = {name: content for feature in sorted(needs) for name, content in _models(preset, feature).items()}
    write_json(folder.evaluators, {"preset": preset.name, "models": models}, SCHEMA)


def recorded_evaluators(folder: RunFolder) -> dict[str, str]:
    """The commit or hash of every model that the table was scored with, by its name; empty before the first scoring.

    Raises `UserError` for a damaged record.
    """
    if not folder.evaluators.is_file():
        return {}
    record: _RecordedEvaluators = read_record(folder.evaluators, SCHEMA, _RecordedEvaluators)
    return record.models


def _models(preset: Preset, feature: Feature) -> dict[str, str]:
    from bench.scoring.models.weights import content, lpips_content  # noqa: PLC0415 - huggingface_hub is slow to import

    if feature == "lpips":
        return {preset.lpips.name: lpips_content(preset.lpips)}
    return {source.name: content(source).removeprefix(f"{source.place}@") for source in preset.sources_of(feature)}
