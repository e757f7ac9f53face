"""Pictures of two runs beside each other: those that differ most, and how many are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.core.errors import UserError
from bench.core.hashing import pixel_hash
from bench.core.images import read_picture
from bench.plugins.metric import Column
from bench.reporting.images import file_uri
from bench.reporting.runs.pairing import MethodPair

MOST_SHOWN = 160
"""Pairs of pictures that a page shows at most: some megabytes."""
MOST_COMPARED = 1_000
"""Pairs of pictures whose pixels are compared at most, evenly over all."""


@dataclass(frozen=True)
class ShownScore:
    """A metric of two pictures of one prompt: both values and their difference; NaN where one has none."""

    metric: str
    first: float
    second: float
    difference: float


@dataclass(frozen=True)
class PicturePair:
    """Two pictures of the same scene and prompt; a picture is None where its file is missing or damaged."""

    method: str
    scene: str
    text: str
    first: str | None
    second: str | None
    scores: tuple[ShownScore, ...]


@dataclass(frozen=True)
class SamePixels:
    """Of `compared` pairs of pictures, `same` have equal pixels; `of` is how many pairs there are."""

    same: int
    compared: int
    of: int


def shown_pairs(
    pairs: Sequence[MethodPair], metrics: Sequence[Column], folders: tuple[Path, Path]
) -> tuple[PicturePair, ...]:
    """For every method and metric the pictures whose difference is largest, in either direction, each once."""
    shown = [metric for metric in metrics if metric.grain != "prompt"] or list(metrics)
    each = max(1, MOST_SHOWN // max(1, 2 * len(pairs) * len(shown)))
    found: list[PicturePair] = []
    for pair in pairs:
        table = pair.pictures()
        places = {place for metric in shown for place in _extremes(table[metric.label], each)}
        rows: list[Mapping[str, Any]] = table.loc[sorted(places)].to_dict("records")  # type: ignore[assignment]
        found += [_pair(pair, row, metrics, folders) for row in rows]
    return tuple(found)


def same_pixels(pairs: Sequence[MethodPair], folders: tuple[Path, Path]) -> SamePixels:
    """How many of the pictures that both runs have show exactly the same; pictures that cannot be read do not."""
    rows = [row for pair in pairs for row in pair.pictures()[["file_first", "file_second"]].to_numpy().tolist()]
    evenly = np.linspace(0, len(rows) - 1, min(len(rows), MOST_COMPARED)).astype(int)
    places: list[int] = np.unique(evenly).tolist()
    same = sum(
        _is_same(*(folder / file for folder, file in zip(folders, rows[place], strict=True))) for place in places
    )
    return SamePixels(same, len(places), len(rows))


def _extremes(differences: pd.Series[float], each: int) -> list[int]:
    """The rows with the lowest and the highest values."""
    known = differences.dropna().sort_values(kind="stable")
    known = known[known != 0]
    return [*known.index[:each], *known.index[-each:]]


def _pair(
    pair: MethodPair, row: Mapping[str, Any], metrics: Sequence[Column], folders: tuple[Path, Path]
) -> PicturePair:
    scores = tuple(
        ShownScore(metric.label, row[f"{metric.label}_first"], row[f"{metric.label}_second"], row[metric.label])
        for metric in metrics
    )
    first, second = (
        file_uri(folder / str(row[f"file_{side}"])) for folder, side in zip(folders, ("first", "second"), strict=True)
    )
    return PicturePair(pair.name, str(row["scene"]), str(row["text"]), first, second, scores)


def _is_same(first: Path, second: Path) -> bool:
    try:
        return pixel_hash(read_picture(first)) == pixel_hash(read_picture(second))
    except UserError:
        return False
