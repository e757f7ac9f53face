"""Selects the metrics of a run: a preset with the standard metrics, then others by name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.core.errors import UserError, did_you_mean
from bench.core.hashing import bytes_hash
from bench.plugins.discovery import discover
from bench.plugins.metric import Column, DependsOnPreset, Feature, Grain
from bench.plugins.source import source_hash
from bench.plugins.spec import Configured, configure, spec_name, split_specs
from bench.scoring.presets import PRESETS, SCORING_VERSION, Preset

STANDARD_METRICS = (
    "prompt-similarity",
    "identity-similarity",
    "lpips-diversity",
    "background-copy",
    "leakage",
)
"""The metrics of every preset, in the order of reports."""


@dataclass(frozen=True)
class MetricSelection:
    """The value of `--metrics`: a preset (None: that of the backbone or the run) and additional metrics."""

    preset: str | None
    more: tuple[str, ...]


def select_metrics(text: str | None) -> MetricSelection:
    """Parse `--metrics`: `paper,mine` is the preset `paper` and the additional metric `mine`.

    Raises `UserError` for a word that is neither, naming the known ones, and for a second preset.
    """
    names = split_specs(text or "")
    presets = [name for name in names if name in PRESETS]
    if len(presets) > 1:
        raise UserError(f"--metrics {text} names two presets ({', '.join(presets)}); one at a time: score again later")
    more = tuple(dict.fromkeys(name for name in names if name not in PRESETS))
    there = {*discover("metrics").found, *(broken.name for broken in discover("metrics").broken)}
    for name in more:
        if spec_name(name) not in there:
            raise UserError(_unknown(name))
    specs = (configure("metrics", name).spec for name in more)
    return MetricSelection(presets[0] if presets else None, tuple(one for one in specs if one not in STANDARD_METRICS))


def standard_metrics() -> tuple[Configured, ...]:
    """The metrics of every preset."""
    return tuple(configure("metrics", name) for name in STANDARD_METRICS)


def columns_of(metric: Configured, preset: Preset) -> tuple[Column, ...]:
    """A metric's columns under a preset, each with the metric's grain."""
    instance: Any = metric.instance
    grain: Grain = instance.grain
    columns = instance.columns_of(preset.describe()) if isinstance(instance, DependsOnPreset) else instance.columns
    return tuple(replace(column, grain=grain) for column in columns)


def compared_columns(metrics: Sequence[Configured], preset: Preset) -> tuple[Column, ...]:
    """The columns that declare `better`: those of intervals, tests and reports."""
    return tuple(column for metric in metrics for column in columns_of(metric, preset) if column.better is not None)


def metric_key(metric: Configured, preset: Preset) -> str:
    """A key of everything that a metric's scores depend on besides the picture, `<name>-<12 hexadecimal digits>`.

    It covers its source and fields and, for the features it needs, the preset's settings and the models' content (a
    hub model's commit, or the SHA-256 of a folder's files). So changing a preset's segmenter keeps CLIP's scores.

    Raises `UserError` if a model is not available.
    """
    from bench.scoring.models.weights import feature_content  # noqa: PLC0415 - huggingface_hub is slow to import

    needs: tuple[Feature, ...] = metric.instance.needs
    content: dict[str, Any] = {
        "metric": metric.drop_in.name,
        "configuration": metric.key_fields,
        "source": source_hash(metric.drop_in),
        "scoring_version": SCORING_VERSION,
        "settings": {feature: preset.settings_of(feature) for feature in needs},
        "content": {feature: feature_content(preset, feature) for feature in needs},
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return f"{metric.drop_in.name}-{bytes_hash(text.encode())[:12]}"


def _unknown(name: str) -> str:
    metrics = discover("metrics").found
    hint = did_you_mean(name, [*PRESETS, *metrics])
    return f"no preset or metric is called '{name}'{hint} Presets: {', '.join(PRESETS)}. Metrics: {', '.join(metrics)}"
