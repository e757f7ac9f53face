"""Scene-level tests and intervals of many tables at once, for simulations; equal to the functions they stand for."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench.stats.intervals import BOOTSTRAP_FROM, RESAMPLES, expanded
from bench.stats.scene_means import Floats

Bools = NDArray[np.bool_]
Ends = tuple[Floats, Floats]
"""The lower and the upper end of an interval in every table, float [tables] each."""


def misses(ends: Ends, truth: float) -> Bools:
    """Whether an interval leaves out the truth, bool [tables]; an undefined one (NaN) claims nothing."""
    return np.asarray((ends[0] > truth) | (ends[1] < truth))


def mean_ends(values: Floats, level: float = 0.95) -> Ends:
    """`mean_interval` of every row of scene means, float [tables, scenes].

    Where the mean is 0, one of the two intervals that it averages.
    """
    down = values.sum(axis=1) < 0
    low, high = _own_ends(np.where(down[:, None], -values, values), level)
    return np.where(down, -high, low), np.where(down, -low, high)


def _own_ends(values: Floats, level: float) -> Ends:
    """The intervals of the rows as they are, without turning those whose mean is below 0."""
    n = values.shape[1]
    if n >= BOOTSTRAP_FROM:
        return _bca(np.sort(values, axis=1), expanded(level, n))
    reach = stats.t.ppf((1 + level) / 2, n - 1) * values.std(axis=1, ddof=1) / math.sqrt(n)
    means = values.mean(axis=1)
    return means - reach, means + reach


def jackknife_ends(estimates: Floats, without: Floats) -> Ends:
    """`jackknife_interval` in every table: estimates float [tables], without each scene float [tables, scenes]."""
    n = without.shape[1]
    error = np.sqrt((n - 1) / n * ((without - without.mean(axis=1, keepdims=True)) ** 2).sum(axis=1))
    reach = stats.t.ppf(0.975, n - 1) * error
    return estimates - reach, estimates + reach


def correlation_ends(estimates: Floats, without: Floats) -> Ends:
    """`correlation_interval` in every table, as `jackknife_ends`."""
    low, high = jackknife_ends(np.arctanh(estimates), np.arctanh(without))
    return np.tanh(low), np.tanh(high)


def signed_ranks(differences: Floats, alternative: Literal["two-sided", "greater"] = "two-sided") -> Floats:
    """Wilcoxon's p of differences float [tables, scenes]."""
    return np.asarray(stats.wilcoxon(np.round(differences, 12), axis=1, alternative=alternative).pvalue)


def friedman(values: Floats) -> Floats:
    """Friedman's p of scene means float [tables, scenes, methods]."""
    return np.asarray(stats.friedmanchisquare(*np.moveaxis(values, 2, 0), axis=1).pvalue)


def repeated_measures(values: Floats) -> tuple[Floats, Floats]:
    """p of all methods [tables], and the least p of the pairs before correction [tables], in the mixed model.

    Of scene means float [tables, scenes, methods] without holes the model is the analysis of variance of repeated
    measures, wherever scenes vary at all.
    """
    _, n, k = values.shape
    effects = values.mean(axis=1)
    rest = values - values.mean(axis=2, keepdims=True) - effects[:, None] + values.mean(axis=(1, 2))[:, None, None]
    degrees = (n - 1) * (k - 1)
    error = (rest**2).sum(axis=(1, 2)) / degrees
    statistic = n * effects.var(axis=1, ddof=1) / error
    widest = np.ptp(effects, axis=1) / np.sqrt(2 * error / n)
    return np.asarray(stats.f.sf(statistic, k - 1, degrees)), np.asarray(2 * stats.t.sf(widest, degrees))


def win_shares(first: Floats, second: Floats) -> Floats:
    """P(first > second) of pictures float [tables, scenes, pictures] without ties: float [tables, scenes]."""
    return np.asarray((first[..., :, None] > second[..., None, :]).mean(axis=(2, 3)))


def cliffs_ends(first: Floats, second: Floats) -> Ends:
    """The interval of `cliffs_delta` of scene means float [tables, scenes] each."""
    n = first.shape[1]
    signs = np.sign(first[:, :, None] - second[:, None, :])
    left = signs.sum(axis=(1, 2))[:, None] - signs.sum(axis=1) - signs.sum(axis=2)
    left += np.diagonal(signs, axis1=1, axis2=2)
    low, high = jackknife_ends(signs.mean(axis=(1, 2)), left / (n - 1) ** 2)
    return np.maximum(low, -1.0), np.minimum(high, 1.0)


def kendall_ends(scores: Floats, people: Floats) -> Ends:
    """The interval of `correlate`'s tau of results float [tables, scenes, methods] each, without ties."""
    tables, n, k = scores.shape
    signs = np.ones((tables, n * k, n * k), dtype=np.int8)
    for values in (scores, people):
        flat = values.reshape(tables, -1)
        signs *= np.sign(flat[:, :, None] - flat[:, None, :]).astype(np.int8)
    blocks = signs.reshape(tables, n, k, n, k).sum(axis=(2, 4), dtype=np.int64)
    whole = blocks.sum(axis=(1, 2))
    left = whole[:, None] - 2 * blocks.sum(axis=1) + np.diagonal(blocks, axis1=1, axis2=2)
    kept = (n - 1) * k
    return correlation_ends(whole / (n * k * (n * k - 1)), left / (kept * (kept - 1)))


def spearman_ends(scores: Floats, people: Floats) -> Ends:
    """The interval of `correlate`'s rho of results float [tables, scenes, methods] each, without ties."""
    tables, n, k = scores.shape
    ranks = [_ranks_without(values.reshape(tables, -1), k) for values in (scores, people)]
    whole = _pearson(ranks[0].sum(axis=2), ranks[1].sum(axis=2), np.ones((1, n * k)))
    kept = 1.0 - np.repeat(np.eye(n), k, axis=0).T
    without = []
    for scene in range(n):
        first, second = (rank.sum(axis=2) - rank[:, :, scene] for rank in ranks)
        without.append(_pearson(first, second, kept[[scene]]))
    return correlation_ends(whole, np.stack(without, axis=1))


def _ranks_without(values: Floats, k: int) -> Floats:
    """How many values of each scene lie below each value: float [tables, values, scenes]; sums give ranks."""
    tables, size = values.shape
    below = values[:, :, None] > values[:, None, :]
    return np.asarray(below.reshape(tables, size, size // k, k).sum(axis=3), dtype=np.float64)


def _pearson(first: Floats, second: Floats, weights: Floats) -> Floats:
    """The correlation of values float [tables, n], of those with weight 1 (weights float [1, n])."""
    total = weights.sum()
    a = first - (first * weights).sum(axis=1, keepdims=True) / total
    b = second - (second * weights).sum(axis=1, keepdims=True) / total
    covariance = (weights * a * b).sum(axis=1)
    return np.asarray(covariance / np.sqrt((weights * a**2).sum(axis=1) * (weights * b**2).sum(axis=1)))


def _bca(values: Floats, level: float) -> Ends:
    """scipy's BCa interval of sorted rows, from the same resamples (seed 0); float [tables, scenes]."""
    n = values.shape[1]
    drawn = np.random.default_rng(0).integers(0, n, (RESAMPLES, n))
    counts = np.zeros((RESAMPLES, n))
    np.add.at(counts, (np.arange(RESAMPLES)[:, None], drawn), 1.0)
    resampled = np.sort(values @ counts.T / n, axis=1)
    means = values.mean(axis=1, keepdims=True)
    # scipy counts resamples below the mean, and those at it half.
    share = ((resampled < means).sum(axis=1) + (resampled <= means).sum(axis=1)) / (2 * RESAMPLES)
    bias = stats.norm.ppf(share)
    centred = values - means
    acceleration = (centred**3).sum(axis=1) / (6 * (centred**2).sum(axis=1) ** 1.5)
    ends = []
    for z in np.asarray(stats.norm.ppf([(1 - level) / 2, (1 + level) / 2])):
        at = stats.norm.cdf(bias + (bias + z) / (1 - acceleration * (bias + z))) * (RESAMPLES - 1)
        floor = np.clip(np.floor(at).astype(int), 0, RESAMPLES - 2)
        rows = np.arange(len(values))
        lower, upper = resampled[rows, floor], resampled[rows, floor + 1]
        ends.append(lower + (at - floor) * (upper - lower))
    return ends[0], ends[1]
