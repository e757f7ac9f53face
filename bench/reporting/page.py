"""How reports make pages from their templates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import jinja2
import pandas as pd

from bench.core.files import write_bytes
from bench.core.text import count
from bench.reporting.text import (
    amount,
    bounds,
    chance,
    energy,
    interval_methods,
    is_clear,
    listed,
    noun,
    number,
    pace,
    rank,
    scenes_needed,
    seconds,
    share,
    share_bounds,
    signed,
    significant,
    small,
    weight,
)

FILTERS = (
    amount, bounds, chance, count, energy, interval_methods, is_clear, listed, noun, number, pace, rank, scenes_needed,
    seconds, share, share_bounds, signed, significant, small, weight,
)  # fmt: skip
"""How pages write numbers and words; a template calls each by its function's name."""


def write_files(out: Path, texts: Mapping[str, str | bytes], tables: Mapping[str, pd.DataFrame]) -> tuple[Path, ...]:
    """Write texts as UTF-8 and tables as CSV into `out`, by their names; returns the files, the texts first."""
    csv = {name: table.to_csv(index=False) for name, table in tables.items()}
    for name, content in (both := {**texts, **csv}).items():
        write_bytes(out / name, content.encode() if isinstance(content, str) else content)
    return tuple(out / name for name in both)


def page_templates(folder: Path) -> jinja2.Environment:
    """The templates of a folder; they escape what they show, know `FILTERS`, and fail on names they were not given."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.policies["json.dumps_kwargs"] = {"default": str, "ensure_ascii": False}
    made.filters.update({function.__name__: function for function in FILTERS})
    return made
