from dataclasses import dataclass
from typing import ClassVar

from bench.api import Column, Feature, Grain, ScoringBatch


@dataclass(frozen=True)
class Metric:
    """The mean saturation of the pixels: 0 is grey."""

    summary: ClassVar[str] = "how colourful a picture is"
    source: ClassVar[str] = "this README"
    grain: ClassVar[Grain] = "picture"
    needs: ClassVar[tuple[Feature, ...]] = ()
    columns: ClassVar[tuple[Column, ...]] = (
        Column("saturation", "mean of (max - min) / 255 over RGB", better="higher", range=(0, 1), source=source),
    )

    def score(self, batch: ScoringBatch) -> list[dict[str, float]]:
        spreads = [job.picture.max(axis=2).astype(int) - job.picture.min(axis=2) for job in batch.jobs]
        return [{"saturation": float(spread.mean()) / 255} for spread in spreads]
