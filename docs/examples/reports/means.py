"""A report of one table."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bench.api import ReportData, scene_means, write_bytes


@dataclass(frozen=True)
class Report:
    """The mean over scenes of every compared metric, a row per method: `means.csv`."""

    summary: ClassVar[str] = "means over scenes as CSV"
    source: ClassVar[str] = "docs/api.md"

    def write(self, data: ReportData, out: Path) -> tuple[Path, ...]:
        means = scene_means(data.table, data.metrics)
        table = means.groupby(["method", "metric"], sort=False)["mean"].mean().unstack()
        file = out / "means.csv"
        write_bytes(file, table.to_csv().encode())
        return (file,)
