"""How much a comparison of two methods can see: spread, alike pictures, where differences vary, least difference."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.plugins.metric import Column
from bench.reporting.runs.pairing import SIDES, MethodPair
from bench.stats.design import IntraclassCorrelation, VarianceSplit, intraclass_correlation, split_variance
from bench.stats.differences import ALPHA, PairedDifference
from bench.stats.intervals import Interval
from bench.stats.power import detectable_ratio
from bench.stats.rates import rate_interval
from bench.stats.scene_means import common_pictures, numbers


@dataclass(frozen=True)
class ComparisonDesign:
    """One metric of two methods: the design that their difference rests on.

    `spread` is the standard deviation over scenes of the difference, `correlation` how alike the differences of a
    scene's pictures are, `split` where they vary. `detectable` is the least difference that so many scenes show with a
    probability of 80 %, at the level that Holm's correction leaves the smallest p (NaN where none is). `rates` are the
    Bayesian intervals of both, for a metric that is a rate.
    """

    method: str
    metric: str
    n_pictures: int
    spread: float
    correlation: IntraclassCorrelation
    split: VarianceSplit
    detectable: float
    rates: tuple[Interval | None, Interval | None] | None


def comparison_designs(
    pairs: Sequence[MethodPair], differences: Sequence[PairedDifference]
) -> Iterator[ComparisonDesign]:
    """The designs of all pairs and metrics with a value in both runs."""
    tested = sum(one.n > 0 for one in differences)
    known = {(one.method, one.metric.label) for one in differences if one.n}
    for pair in pairs:
        pictures = pair.pictures()
        for metric in pair.metrics:
            if (pair.name, metric.label) in known:
                yield _design(pair, metric, pictures, ALPHA / tested)


def _design(pair: MethodPair, metric: Column, pictures: pd.DataFrame, alpha: float) -> ComparisonDesign:
    rows = pictures[pictures[metric.label].notna()]
    values = rows[metric.label].to_numpy(dtype=np.float64)
    prompts = rows["template"].astype(str) + "/" + rows["subset"].astype(str)
    scenes = pair.scores.matrix(metric.label, SIDES)
    means = np.round(scenes[:, 1] - scenes[:, 0], 12)
    spread = float(means.std(ddof=1)) if len(means) > 1 and np.ptp(means) else math.nan
    return ComparisonDesign(
        method=pair.name,
        metric=metric.label,
        n_pictures=len(rows),
        spread=spread,
        correlation=intraclass_correlation(values, rows["scene"]),
        split=split_variance(values, rows["scene"], prompts),
        detectable=math.nan if math.isnan(spread) else spread * detectable_ratio(len(means), alpha),
        rates=_rates(pair, metric) if metric.pooled and metric.range == (0.0, 1.0) else None,
    )


def _rates(pair: MethodPair, metric: Column) -> tuple[Interval | None, Interval | None]:
    """Both rates' intervals, of the pictures that both runs have: what the difference is about."""
    shared = common_pictures(pair.table)
    first, second = (_rate(shared[shared["method"] == side], metric) for side in SIDES)
    return first, second


def _rate(rows: pd.DataFrame, metric: Column) -> Interval | None:
    known = rows[numbers(rows[metric.name]).notna()]
    return rate_interval(np.asarray(numbers(known[metric.name]), dtype=np.float64), known["scene"])
