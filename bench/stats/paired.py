"""Tests for methods paired by scene: Wilcoxon's signed ranks and Friedman's test, with Holm's correction."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import scipy

from bench.stats.holm import holm
from bench.stats.independent import log10_chi2_tail
from bench.stats.intervals import FEWEST, mean_interval
from bench.stats.results import Overall, Pair, Unit
from bench.stats.scene_means import Floats
from bench.stats.signed_ranks import signed_rank_p

FRIEDMAN = "Friedman"
WILCOXON = "Wilcoxon signed-rank"
WILCOXON_HOLM = "Wilcoxon signed-rank, Holm"


def compare_paired(names: Sequence[str], values: Floats, unit: Unit = "scenes") -> tuple[Overall, tuple[Pair, ...]]:
    """The test of all methods, and of each pair, on scene means float [scenes, methods], NaN where one lacks a value.

    See `compare_pairs`: a pair is compared on the scenes where both methods have a value.
    """
    columns = range(len(names))
    pairs = {(names[i], names[j]): whole(values[:, [i, j]]) for i, j in combinations(columns, 2)}
    return compare_pairs(whole(values), pairs, unit)


def compare_pairs(
    values: Floats, pairs: Mapping[tuple[str, str], Floats], unit: Unit = "scenes"
) -> tuple[Overall, tuple[Pair, ...]]:
    """The test of all methods on what all have in common, and of each pair on what the two have in common.

    `values` float [scenes, methods] are those of all, `pairs` float [scenes, 2] those of each pair, none of them NaN:
    what one method lacks changes no other pair's values. Two methods: Wilcoxon's signed ranks (1945; exact for small
    n). More: Friedman's test (1937) over all, and Wilcoxon for each pair with Holm's correction (1979) over the family
    of all pairs that can be tested. Fewer than 4 scenes or 2 methods give a reason instead. The effect of a pair is
    its mean paired difference, with the interval of `mean_interval`. `unit` says what the rows are where they are not
    scenes (the items or the raters of a user study).
    """
    tested = [wilcoxon(*names, dict(zip(names, columns.T, strict=True)), unit) for names, columns in pairs.items()]
    if len(tested) > 1:
        return friedman(values, unit), with_holm(tested, WILCOXON_HOLM)
    return _alone(tested, len(values), unit), tuple(tested)


def wilcoxon(first: str, second: str, columns: dict[str, Floats], unit: Unit = "scenes") -> Pair:
    """Wilcoxon's signed ranks of two methods' scene means, each float [scenes] in the same order."""
    # Rounding noise of the means must not break ties or make zeros differ.
    differences = np.round(columns[first] - columns[second], 12)
    n = len(differences)
    reason = too_few(n, unit)
    if not reason and not differences.any():
        reason = f"every {unit[:-1]}'s difference is zero"
    p = None if reason else signed_rank_p(differences)
    effect = float(differences.mean()) if n else math.nan
    return Pair(first, second, WILCOXON, unit, n, effect, mean_interval(differences), p, reason)


def friedman(values: Floats, unit: Unit = "scenes") -> Overall:
    """Friedman's test, corrected for ties, of scene means float [scenes, methods], at least 3 methods."""
    # As in `wilcoxon`: rounding noise must not break ties.
    values = np.round(values, 12)
    n = len(values)
    reason = too_few(n, unit)
    if not reason and not np.ptp(values, axis=1).any():
        reason = f"the methods are equal on every {unit[:-1]}"
    if reason:
        return Overall(FRIEDMAN, unit, n, None, None, reason)
    statistic = float(scipy.stats.friedmanchisquare(*values.T).statistic)
    return Overall(FRIEDMAN, unit, n, statistic, log10_chi2_tail(statistic, values.shape[1] - 1))


def whole(values: Floats) -> Floats:
    """The rows of float [units, methods] in which every method has a value."""
    return values[~np.isnan(values).any(axis=1)]


def too_few(n: int, unit: Unit = "scenes") -> str:
    """Why `n` units are not enough to test, or an empty string."""
    return "" if n >= FEWEST else f"{n} common {unit[:-1] if n == 1 else unit}: no test below {FEWEST}"


def _alone(pairs: Sequence[Pair], n: int, unit: Unit) -> Overall:
    """The test of one pair, or of none, as the test of all."""
    if not pairs:
        return Overall(WILCOXON, unit, n, None, None, "one method: nothing to compare")
    log10_p = None if pairs[0].p is None else math.log10(pairs[0].p)
    return Overall(WILCOXON, unit, n, None, log10_p, pairs[0].reason)


def with_holm(pairs: Sequence[Pair], test: str) -> tuple[Pair, ...]:
    """The pairs with p values corrected for how many pairs are tested (Holm 1979), under the name `test`."""
    corrected = iter(holm([pair.p for pair in pairs if pair.p is not None]).tolist())
    return tuple(replace(pair, test=test, p=None if pair.p is None else next(corrected)) for pair in pairs)
