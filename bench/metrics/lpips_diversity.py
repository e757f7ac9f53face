"""LPIPS diversity: how much the samples of one prompt differ, as the mean LPIPS of their pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from bench.api import Column, Feature, Grain, ScoringBatch, Value


@dataclass(frozen=True)
class Metric:
    """The mean LPIPS over all pairs of the samples of one prompt: 8 samples are 28 pairs, as in the paper."""

    summary: ClassVar[str] = "LPIPS: mean distance of all pairs of one prompt's samples (two or more)"
    source: ClassVar[str] = "Visual Concept EM, Table 1; LPIPS: Zhang et al. 2018, version 0.1"
    grain: ClassVar[Grain] = "prompt"
    needs: ClassVar[tuple[Feature, ...]] = ("lpips",)
    columns: ClassVar[tuple[Column, ...]] = (
        Column(
            "lpips_diversity",
            "LPIPS: mean distance of all pairs of one prompt's samples (two or more), by the preset's network; "
            "repeated on all their rows",
            better="higher",
            range=(0.0, math.inf),
            source=source,
            reason="diversity_reason",
        ),
        Column("diversity_reason", "why lpips_diversity is NaN, else empty"),
    )

    def score(self, batch: ScoringBatch) -> Sequence[Mapping[str, Value]]:
        """One value per prompt: all its samples among the pictures of one unit."""
        found = (batch.lpips.diversity([job.picture for job in samples]) for samples in batch.prompts)
        return [{"lpips_diversity": one.value, "diversity_reason": one.reason} for one in found]
