"""Prompt similarity: the CLIP cosine of a picture and its prompt with class words, on a preset's scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from bench.api import Column, Feature, Grain, ScoringBatch, Value


@dataclass(frozen=True)
class Metric:
    """CLIP: the cosine of the embeddings of picture and prompt, times the preset's factor, not below its floor.

    Texts longer than the model's context are truncated, keeping their end-of-text token.
    """

    summary: ClassVar[str] = "CLIP: cosine of the embeddings of picture and prompt with class words"
    source: ClassVar[str] = "Break-A-Scene, section 4.1 and B.2"
    grain: ClassVar[Grain] = "picture"
    needs: ClassVar[tuple[Feature, ...]] = ("clip",)
    columns: ClassVar[tuple[Column, ...]] = (
        Column(
            "prompt_similarity",
            "CLIP: cosine of the embeddings of picture and prompt with class words, on the preset's scale",
            better="higher",
            range=(-1.0, 1.0),
            source=source,
        ),
    )

    def columns_of(self, preset: Mapping[str, Any]) -> tuple[Column, ...]:
        """The column, its range set to the preset's scale."""
        (column,) = self.columns
        ends = (on_scale(end, preset["clip_scale"], preset["clip_floor"]) for end in column.range)
        least, greatest = ends
        return (replace(column, range=(least, greatest)),)

    def score(self, batch: ScoringBatch) -> Sequence[Mapping[str, Value]]:
        """One value per picture."""
        texts = [job.scene.text_with_classes(job.prompt) for job in batch.jobs]
        cosines = (batch.image_embeddings * batch.text_embeddings(texts)).sum(dim=-1).double().tolist()
        preset = batch.preset
        return [{"prompt_similarity": on_scale(cosine, preset.clip_scale, preset.clip_floor)} for cosine in cosines]


def on_scale(cosine: float, factor: float, floor: float | None) -> float:
    """`factor` times the cosine, but not below `floor` (None: no floor)."""
    scaled = factor * cosine
    return scaled if floor is None else max(scaled, floor)
