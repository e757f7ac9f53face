"""How much the ranking by identity similarity depends on how it is read: missing objects, fill, embedding and so on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import scipy

from bench.core.table import alternative_columns, changed_setting
from bench.plugins.metric import Column
from bench.stats.dataframes import bounds
from bench.stats.intervals import Interval, mean_interval
from bench.stats.scene_means import Floats, common_pictures, methods_of, scene_means

IDENTITY = "identity_similarity"
"""The column whose readings are compared."""
LEFT_OUT, ZERO, WHOLE_PICTURE = "missing: left out", "missing: counts 0", "missing: whole picture"
"""What becomes of a concept that is not found. The first is how identity similarity is reported."""

COLUMNS = (
    "variant", "method", "identity_similarity", "low", "high", "interval", "n_scenes", "rank", "shift", "shift_low",
    "shift_high",
    "kendall_tau_with_reported", "passes",
)  # fmt: skip
"""The columns of `sensitivity_frame`."""


@dataclass(frozen=True)
class RankedMethod:
    """A method under one reading: its mean over scenes with interval, and its rank (1 is best; NaN without a mean).

    `shift` is its mean under the reading less that as reported, over the scenes that have both, paired.
    """

    method: str
    mean: float
    interval: Interval | None
    n_scenes: int
    rank: float
    shift: float
    shift_interval: Interval | None


@dataclass(frozen=True)
class RankFlip:
    """Two methods whose order is another one than as reported; `first` is ahead under the reading.

    `clear_before` and `clear_now`: whether the interval of the paired difference leaves out zero, as reported and under
    the reading. A turn of two differences that are not clear says nothing.
    """

    first: str
    second: str
    clear_before: bool
    clear_now: bool


@dataclass(frozen=True)
class ProtocolVariant:
    """One way to read identity similarity.

    `tau` is Kendall's tau of the methods' means with those as reported: 1 is the same order, -1 the opposite; None
    below two methods.
    """

    name: str
    methods: tuple[RankedMethod, ...]
    tau: float | None
    rank_flips: tuple[RankFlip, ...]


def sensitivity(table: pd.DataFrame, metrics: Sequence[Column]) -> tuple[ProtocolVariant, ...]:
    """Every reading that a table of scores has, the one that is reported first; none without identity similarity.

    They are the three policies on missing objects, and identity similarity with one setting of the preset changed
    (`bench.core.table.alternative_columns`). Methods are compared on the pictures that all have drawn.
    """
    identity = next((metric for metric in metrics if metric.name == IDENTITY), None)
    if identity is None:
        return ()
    methods = methods_of(table)
    shared = common_pictures(table)
    values = _variant_values(shared)
    scenes = {name: _by_scene(shared.assign(**{IDENTITY: of}), identity, methods) for name, of in values.items()}
    return tuple(_variant(name, each, scenes[LEFT_OUT], identity.range) for name, each in scenes.items())


def _variant_values(table: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """A value for every row and reading. A concept whose class the segmenter does not know has none under any."""
    identity = table[IDENTITY].astype("float64")
    variants = {LEFT_OUT: identity}
    if "detected" in table:
        missing = table["detected"].astype("boolean").eq(False).fillna(False).astype(bool)
        variants[ZERO] = identity.mask(missing, 0.0)
        if "identity_whole_picture" in table:
            variants[WHOLE_PICTURE] = identity.mask(missing, table["identity_whole_picture"].astype("float64"))
    alternatives = alternative_columns(table.columns)
    return variants | {changed_setting(column): table[column].astype("float64") for column in alternatives}


def _by_scene(table: pd.DataFrame, identity: Column, methods: Sequence[str]) -> pd.DataFrame:
    """Scene means, a row per scene and a column per method, by the rule of identity similarity; NaN where none."""
    means = scene_means(table, [identity])
    return means.pivot(index="scene", columns="method", values="mean").reindex(columns=list(methods))


def _variant(name: str, scenes: pd.DataFrame, reported: pd.DataFrame, limits: tuple[float, float]) -> ProtocolVariant:
    means, before = scenes.mean(), reported.mean()
    ranks = means.rank(ascending=False)
    methods = tuple(
        _ranked(method, scenes[method], reported[method], float(ranks[method]), limits) for method in map(str, scenes)
    )
    both = means.notna() & before.notna()
    tau = float(scipy.stats.kendalltau(means[both], before[both]).statistic) if both.sum() > 1 else None
    placed = [str(method) for method in scenes.columns[both]]
    return ProtocolVariant(name, methods, tau, _rank_flips(placed, scenes, reported))


def _ranked(
    method: str, scenes: pd.Series[float], reported: pd.Series[float], rank: float, limits: tuple[float, float]
) -> RankedMethod:
    values, shifts = (each.dropna().to_numpy(dtype=np.float64) for each in (scenes, scenes - reported))
    mean, shift = (float(each.mean()) if len(each) else math.nan for each in (values, shifts))
    return RankedMethod(method, mean, mean_interval(values, limits), len(values), rank, shift, mean_interval(shifts))


def _rank_flips(methods: Sequence[str], scenes: pd.DataFrame, reported: pd.DataFrame) -> tuple[RankFlip, ...]:
    now, before = scenes.mean(), reported.mean()
    turned = [pair for pair in combinations(methods, 2) if _ahead(now, *pair) * _ahead(before, *pair) < 0]
    ordered = [(one, other) if _ahead(now, one, other) > 0 else (other, one) for one, other in turned]
    return tuple(
        RankFlip(first, second, _is_clear(reported, first, second), _is_clear(scenes, first, second))
        for first, second in ordered
    )


def _ahead(means: pd.Series[float], first: str, second: str) -> float:
    return float(np.sign(means[first] - means[second]))


def _is_clear(scenes: pd.DataFrame, first: str, second: str) -> bool:
    differences: Floats = (scenes[first] - scenes[second]).dropna().to_numpy(dtype=np.float64)
    interval = mean_interval(differences)
    return interval is not None and not interval.low <= 0 <= interval.high


def sensitivity_frame(variants: Sequence[ProtocolVariant]) -> pd.DataFrame:
    """One row per reading and method: mean, rank and shift with their intervals, tau and whom the method passes."""
    rows = [_record(variant, ranked) for variant in variants for ranked in variant.methods]
    return pd.DataFrame(rows, columns=COLUMNS)


def _record(variant: ProtocolVariant, ranked: RankedMethod) -> Mapping[str, object]:
    return {
        "variant": variant.name,
        "method": ranked.method,
        "identity_similarity": ranked.mean,
        **bounds(ranked.interval),
        "n_scenes": ranked.n_scenes,
        "rank": ranked.rank,
        "shift": ranked.shift,
        "shift_low": ranked.shift_interval.low if ranked.shift_interval else math.nan,
        "shift_high": ranked.shift_interval.high if ranked.shift_interval else math.nan,
        "kendall_tau_with_reported": variant.tau,
        "passes": "; ".join(flip.second for flip in variant.rank_flips if flip.first == ranked.method),
    }
