"""The one tidy table between scoring and statistics: one row per picture and concept."""

from __future__ import annotations

from collections.abc import Iterable

COLUMNS: dict[str, str] = {
    "dataset": "name of the dataset",
    "scene": "name of the scene",
    "method": "the method as asked for, for example ours or ours[phase1_steps=0]",
    "seed": "seed of the run",
    "unit": "key of the fit (hexadecimal)",
    "picture": "key of the picture (hexadecimal)",
    "file": "the picture, relative to the run's folder",
    "template": "the prompt's format, with {tokens}",
    "subset": "the prompt's concepts, as 0+1",
    "sample": "index among the samples of the same prompt",
    "text": "the prompt with class words",
    "concept": "index of the concept within the scene",
    "label": "class word of the concept",
    "preset": "name of the metric preset",
    "cost_fit_seconds": "wall-clock seconds of the unit's fit",
    "cost_generate_seconds": "wall-clock seconds of drawing the picture (its batch's time over its batch's size)",
    "cost_peak_memory_bytes": "most memory during the unit's fit and drawing, its backbone included: on CUDA allocated "
    "by torch, on a CPU resident (sampled); repeated on the unit's rows; NaN if unknown",
    "cost_disk_bytes": "size of what the unit's fit learned, as a file; repeated on the unit's rows",
    "cost_energy_joules": "energy of the device (GPU or CPU packages) during the unit's fit and drawing, whoever used "
    "it; repeated on the unit's rows; NaN where the machine does not tell",
}
"""The columns of `scores.parquet` that every run has, with their meaning.

Those of its metrics stand between `preset` and the costs. `cost_*` columns are outside every comparison."""

COST = "cost_"
"""Prefix of the columns of measured costs, which are never compared."""
_ALTERNATIVE = "identity["


def alternative_column(setting: str) -> str:
    """The name of the column of identity similarity with one setting changed: `identity[fill=grey]`."""
    return f"{_ALTERNATIVE}{setting}]"


def changed_setting(column: str) -> str:
    """The inverse of `alternative_column`: `identity[fill=grey]` -> `fill=grey`."""
    return column.removeprefix(_ALTERNATIVE).removesuffix("]")


def alternative_columns(columns: Iterable[str]) -> tuple[str, ...]:
    """Those of a table's columns that hold identity similarity by a changed setting, in their order, each once.

    They are NaN exactly where `identity_similarity` is.
    """
    return tuple(dict.fromkeys(column for column in columns if column.startswith(_ALTERNATIVE)))
