"""The built-in compared columns: labels, directions and ranges. Imports no model."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from bench.core.errors import UserError
from bench.plugins.metric import Column

UNLIMITED = (-math.inf, math.inf)
PROMPT_SIMILARITY = Column(
    name="prompt_similarity",
    description="CLIP: cosine of the embeddings of picture and prompt with class words, on the preset's scale",
    source="Break-A-Scene, section 4.1 and B.2",
    better="higher",
    range=(-1.0, 1.0),
)
"""Its range is that of a plain cosine; `metrics_of` has a preset's."""
IDENTITY_SIMILARITY = Column(
    name="identity_similarity",
    description="cosine of the concept's features in the scene and in the picture, by the preset's embedding, fill and "
    "framing (paper: DINO, alone on black)",
    source="Break-A-Scene, section 4.1 and B.2; black masks: issue 32 of google/break-a-scene",
    better="higher",
    range=(-1.0, 1.0),
    grain="concept",
    reason="reason",
)
DETECTION_RATE = Column(
    name="detected",
    label="detection-rate",
    description="share of the prompted concepts that are found, of those whose class it knows",
    source="SceneBench: what identity similarity silently leaves out in Break-A-Scene",
    better="higher",
    range=(0.0, 1.0),
    pooled=True,
    grain="concept",
    reason="reason",
)
LPIPS_DIVERSITY = Column(
    name="lpips_diversity",
    description="LPIPS: mean distance of all pairs of one prompt's samples (two or more), by the preset's network",
    source="Visual Concept EM, Table 1; LPIPS: Zhang et al. 2018, version 0.1",
    better="higher",
    range=(0.0, math.inf),
    grain="prompt",
    reason="diversity_reason",
)
BACKGROUND_COPY = Column(
    name="background_copy",
    description="how much of the input's background came along: cosine of the features of scene and picture, all "
    "objects of the scene's classes blacked out",
    source="SceneBench: methods that repeat their input score high in identity similarity",
    better="lower",
    range=(-1.0, 1.0),
    reason="copy_reason",
)
METRICS: tuple[Column, ...] = (
    PROMPT_SIMILARITY,
    IDENTITY_SIMILARITY,
    DETECTION_RATE,
    LPIPS_DIVERSITY,
    BACKGROUND_COPY,
)
"""Every compared column, in the order of reports."""


def metric(name: str) -> Column:
    """The column that reports call `name`; raises `UserError` naming the known ones."""
    for known in METRICS:
        if known.label == name:
            return known
    raise UserError(f"no metric is called '{name}'; known: {', '.join(known.label for known in METRICS)}")


def metrics_of(presets: Iterable[str]) -> tuple[Column, ...]:
    """Every compared column with the range of its values in a table of these presets; an unknown preset sets none."""
    from bench.scoring.presets import PRESETS  # noqa: PLC0415 - only where a table is at hand

    ranges = [PRESETS[name].prompt_limits if name in PRESETS else UNLIMITED for name in presets] or [UNLIMITED]
    widest = min(least for least, _ in ranges), max(greatest for _, greatest in ranges)
    return tuple(replace(metric, range=widest) if metric is PROMPT_SIMILARITY else metric for metric in METRICS)
