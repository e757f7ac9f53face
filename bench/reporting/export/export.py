"""One run in one of the formats of others."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from bench.core.files import whole_replacement, write_bytes
from bench.reporting.export.archive import write_archive
from bench.reporting.export.croissant import write_croissant
from bench.reporting.export.every_eval_ever import write_every_eval_ever
from bench.reporting.export.hub import write_hub
from bench.reporting.runs.recorded import RecordedRun
from bench.stats.summary import summarise

Format: TypeAlias = Literal["every-eval-ever", "huggingface", "croissant", "csv", "archive"]


@dataclass(frozen=True)
class ExportOptions:
    """What formats ask for besides the run.

    Who provides the data, the hub's id of the dataset, parts of the run that were done again on other processor
    settings, and of how many scenes a picture is kept.
    """

    organisation: str = "unknown"
    dataset_id: str | None = None
    again: tuple[RecordedRun, ...] = ()
    pictures: int = 0


def export_run(run: RecordedRun, to: Format, out: Path, options: ExportOptions) -> tuple[Path, ...]:
    """Write the run's results into the folder `out`, which is replaced as a whole; returns the files.

    Raises `UserError` for what the format needs and is not there.
    """
    with whole_replacement(out) as building:
        match to:
            case "every-eval-ever":
                files = write_every_eval_ever(run, building, options.organisation, int(time.time()))
            case "huggingface":
                files = write_hub(run, building, options.dataset_id)
            case "croissant":
                files = write_croissant(run, building)
            case "csv":
                files = _write_csv(run, building)
            case "archive":
                files = write_archive(run, building, options.again, options.pictures)
    return tuple(out / file.relative_to(building) for file in files)


def _write_csv(run: RecordedRun, out: Path) -> tuple[Path, ...]:
    """The table of all scores, and the methods' means with their intervals, on the pictures that all have."""
    scores, summary = out / "scores.csv", out / "summary.csv"
    write_bytes(scores, run.table.to_csv(index=False).encode(errors="backslashreplace"))
    frame = summarise(run.table, run.metrics, run.controls).frame()
    write_bytes(summary, frame.to_csv(index=False).encode(errors="backslashreplace"))
    return scores, summary
