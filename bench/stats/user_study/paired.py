"""Scores of people, paired by item or by rater: the tests that every kind of study shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.stats.paired import compare_paired
from bench.stats.results import Overall, Pair, Unit
from bench.stats.scene_means import Floats


@dataclass(frozen=True)
class Tested:
    """A test of all methods and of each pair on one `scale` of the answers; `unit` is what counts as one sample."""

    scale: str
    unit: Unit
    overall: Overall
    pairs: tuple[Pair, ...]


def means_by(frame: pd.DataFrame, by: str, value: str, methods: Sequence[str]) -> Floats:
    """Means of `value` by `by` (a column) and method, float [units, methods]; NaN where a unit lacks a method."""
    wide = frame.pivot_table(index=by, columns="method", values=value, aggfunc="mean").reindex(columns=list(methods))
    return np.asarray(wide, dtype=np.float64)


def compare_both_ways(
    frame: pd.DataFrame, value: str, methods: Sequence[str], unit: Unit, scale: str
) -> tuple[Tested, ...]:
    """Friedman and Wilcoxon with Holm on means by item (or scene), then on means by rater.

    Answers of one item, and of one rater, resemble each other. A difference that both ways show is neither a matter of
    the items that were chosen nor of the people. A pair is compared on the units that have both.
    """
    ways: tuple[tuple[str, Unit], ...] = (("cluster", unit), ("rater", "raters"))
    return tuple(
        Tested(scale, each, *compare_paired(methods, means_by(frame, by, value, methods), each)) for by, each in ways
    )
