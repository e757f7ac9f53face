"""One metric of two methods on the same scenes: difference, test, equivalence, with Holm's correction over many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.plugins.metric import Column
from bench.stats.equivalence import tost
from bench.stats.holm import holm
from bench.stats.intervals import Interval
from bench.stats.paired import wilcoxon
from bench.stats.scene_means import Floats

ALPHA = 0.05


@dataclass(frozen=True)
class PairedDifference:
    """A metric of two methods, paired by scene: `effect` is the mean of the second less the first.

    `n` counts the scenes where both have a value, `n_pictures` the pictures of each with one; without scenes the means
    are NaN. `p` is Wilcoxon's, `p_equivalence` that of two one-sided t tests within `margin`; `corrected` corrects both
    for many metrics and methods. Where there is no p, `reason` says why; without a margin there is no `p_equivalence`.
    """

    method: str
    metric: Column
    n: int
    n_pictures: int
    first: float
    second: float
    effect: float
    interval: Interval | None
    p: float | None
    reason: str
    margin: float | None = None
    p_equivalence: float | None = None
    equal: bool = False

    @property
    def differs(self) -> bool:
        """Whether interval and p value both say that there is a difference."""
        return self.is_clear and self.p is not None and self.p < ALPHA

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.interval is not None and not self.interval.low <= 0 <= self.interval.high

    @property
    def equivalent(self) -> bool:
        """Whether the mean difference lies within the margin beyond noise."""
        return self.p_equivalence is not None and self.p_equivalence < ALPHA

    @property
    def better(self) -> bool:
        """Whether the second has the better mean."""
        return self.effect > 0 if self.metric.higher_is_better else self.effect < 0


def paired_difference(
    method: str, metric: Column, values: Floats, n_pictures: int, margin: float | None
) -> PairedDifference:
    """Two methods' scene means of a metric, float [scenes, 2], the first method's in the first column, none NaN."""
    first, second = values.T
    pair = wilcoxon("second", "first", {"first": first, "second": second})
    differences = np.round(second - first, 12)
    means = values.mean(axis=0) if len(values) else np.full(2, math.nan)
    equivalence = None if margin is None else tost(differences, margin)
    return PairedDifference(
        method=method,
        metric=metric,
        n=len(values),
        n_pictures=n_pictures,
        first=float(means[0]),
        second=float(means[1]),
        effect=pair.effect,
        interval=pair.interval,
        p=pair.p,
        reason=pair.reason,
        margin=margin,
        p_equivalence=equivalence,
        equal=bool(len(values)) and not differences.any(),
    )


def corrected(differences: Sequence[PairedDifference]) -> tuple[PairedDifference, ...]:
    """With p values corrected for how many there are (Holm 1979): tests and equivalences are a family each."""
    p = iter(_corrected([one.p for one in differences]))
    equivalence = iter(_corrected([one.p_equivalence for one in differences]))
    return tuple(replace(one, p=next(p), p_equivalence=next(equivalence)) for one in differences)


def _corrected(p_values: Sequence[float | None]) -> list[float | None]:
    """Those that are known, corrected for how many are known."""
    adjusted = iter(holm([p for p in p_values if p is not None]).tolist())
    return [None if p is None else next(adjusted) for p in p_values]
