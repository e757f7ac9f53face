"""The metrics as records: labels, directions and limits derive from them. Imports no model."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from bench.core.errors import UserError


@dataclass(frozen=True)
class Metric:
    """One metric: `column` is where its values stand in the table, `limits` its least and greatest value.

    Prompt similarity's limits are those of a plain cosine; `bench.scoring.presets.metrics_of` has a preset's.
    """

    name: str
    column: str
    description: str
    source: str
    higher_is_better: bool
    limits: tuple[float, float]


PROMPT_SIMILARITY = Metric(
    name="prompt-similarity",
    column="prompt_similarity",
    description="CLIP: cosine of the embeddings of picture and prompt with class words, on the preset's scale",
    source="Break-A-Scene, section 4.1 and B.2",
    higher_is_better=True,
    limits=(-1.0, 1.0),
)
IDENTITY_SIMILARITY = Metric(
    name="identity-similarity",
    column="identity_similarity",
    description="cosine of the concept's features in the scene and in the picture, by the preset's embedding, fill and "
    "framing (paper: DINO, alone on black)",
    source="Break-A-Scene, section 4.1 and B.2; black masks: issue 32 of google/break-a-scene",
    higher_is_better=True,
    limits=(-1.0, 1.0),
)
DETECTION_RATE = Metric(
    name="detection-rate",
    column="detected",
    description="share of the prompted concepts that are found, of those whose class it knows",
    source="SceneBench: what identity similarity silently leaves out in Break-A-Scene",
    higher_is_better=True,
    limits=(0.0, 1.0),
)
LPIPS_DIVERSITY = Metric(
    name="lpips-diversity",
    column="lpips_diversity",
    description="LPIPS: mean distance of all pairs of one prompt's samples (two or more), by the preset's network",
    source="Visual Concept EM, Table 1; LPIPS: Zhang et al. 2018, version 0.1",
    higher_is_better=True,
    limits=(0.0, math.inf),
)
BACKGROUND_COPY = Metric(
    name="background-copy",
    column="background_copy",
    description="how much of the input's background came along: cosine of the features of scene and picture, all "
    "objects of the scene's classes blacked out",
    source="SceneBench: methods that repeat their input score high in identity similarity",
    higher_is_better=False,
    limits=(-1.0, 1.0),
)
METRICS: tuple[Metric, ...] = (
    PROMPT_SIMILARITY,
    IDENTITY_SIMILARITY,
    DETECTION_RATE,
    LPIPS_DIVERSITY,
    BACKGROUND_COPY,
)
"""Every metric, in the order of reports."""


def metric(name: str) -> Metric:
    """The metric called `name`; raises `UserError` naming the known ones."""
    for known in METRICS:
        if known.name == name:
            return known
    raise UserError(f"no metric is called '{name}'; known: {', '.join(known.name for known in METRICS)}")


def metrics_of(presets: Iterable[str]) -> tuple[Metric, ...]:
    """Every metric with the limits of its values in a table of these presets; an unknown preset sets none."""
    from bench.scoring.presets import PRESETS

    def limits_of(name: str) -> tuple[float, float]:
        if name not in PRESETS:
            return (-math.inf, math.inf)
        preset = PRESETS[name]
        low, high = (preset.clip_scale * limit for limit in PROMPT_SIMILARITY.limits)
        return (low if preset.clip_floor is None else max(low, preset.clip_floor), high)

    limits = [limits_of(name) for name in presets] or [(-math.inf, math.inf)]
    widest = min(least for least, _ in limits), max(greatest for _, greatest in limits)
    return tuple(replace(metric, limits=widest) if metric is PROMPT_SIMILARITY else metric for metric in METRICS)
