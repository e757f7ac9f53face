"""Forced choice between two methods with a neutral answer: exact binomial tests and Bradley-Terry with ties."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
import scipy

from bench.stats.intervals import Interval
from bench.stats.jackknife import jackknife_interval
from bench.stats.paired import WILCOXON_HOLM, wilcoxon, with_holm
from bench.stats.results import Pair
from bench.stats.scene_means import Floats
from bench.stats.user_study.answers import Answers

BINOMIAL = "exact binomial"


@dataclass(frozen=True)
class Contest:
    """Two methods: how often each was chosen, and neither.

    `decided` is the exact binomial test of the answers that are not neutral, taken for independent; its effect is the
    share for the first less 1/2, its interval Clopper and Pearson's. `preference` is the share for the first less that
    for the second, the mean over items, tested by item.
    """

    first: str
    second: str
    wins: int
    neutral: int
    losses: int
    decided: Pair
    preference: Pair


@dataclass(frozen=True)
class Strength:
    """A method's log strength (their mean is 0), NaN with a `reason` where the answers do not bound it."""

    method: str
    value: float
    interval: Interval | None
    reason: str = ""


@dataclass(frozen=True)
class ChoicesStudy:
    """One question: every pair of methods that was compared, and the strengths of all from all pairs together.

    `neutrality` is Davidson's nu: 0 if nobody is ever neutral, 2 if two equal methods tie half of the time.
    """

    answers: Answers
    contests: tuple[Contest, ...]
    strengths: tuple[Strength, ...]
    neutrality: float


def study_choices(answers: Answers) -> ChoicesStudy:
    """Analyse forced choices, as in Visual concept-driven generation (EM), Table 2."""
    methods = answers.methods
    wins, ties = count_by_cluster(answers)
    contests = [
        _contest(answers, (i, j), wins, ties)
        for i, j in combinations(range(len(methods)), 2)
        if (wins[:, i, j] + wins[:, j, i] + ties[:, i, j]).any()
    ]
    values, neutrality = davidson(wins.sum(axis=0), ties.sum(axis=0))
    without = np.array([davidson(w, t)[0] for w, t in zip(_but_one(wins), _but_one(ties), strict=True)])
    reason = "" if np.isfinite(values).all() else "some methods never won against the others: no bound on strengths"
    strengths = tuple(
        Strength(name, float(values[k]), jackknife_interval(float(values[k]), without[:, k]), reason)
        for k, name in enumerate(methods)
    )
    return ChoicesStudy(answers, _corrected(contests), strengths, neutrality)


def count_by_cluster(answers: Answers) -> tuple[Floats, Floats]:
    """How often method i was chosen over j, and how often neither was, by cluster: float [clusters, methods, methods].

    Ties are symmetric: each counts once in both halves.
    """
    index = {name: k for k, name in enumerate(answers.methods)}
    codes, clusters = pd.factorize(answers.frame["cluster"], sort=True)
    wins, ties = (np.zeros((len(clusters), len(index), len(index))) for _ in range(2))
    frame = answers.frame
    for cluster, first, second, choice in zip(codes, frame["first"], frame["second"], frame["choice"], strict=True):
        i, j = index[first], index[second]
        if choice in (first, second):
            wins[cluster, *((i, j) if choice == first else (j, i))] += 1
        else:
            ties[cluster, [i, j], [j, i]] += 1
    return wins, ties


def binomial(wins: int, losses: int) -> float | None:
    """The exact two-sided p of decided answers, if both methods were as good; None without decided answers."""
    return float(scipy.stats.binomtest(wins, wins + losses).pvalue) if wins + losses else None


def davidson(wins: Floats, ties: Floats) -> tuple[Floats, float]:
    """Log strengths float [methods], their mean 0, and neutrality nu, by maximum likelihood (Davidson 1970).

    The Bradley-Terry model with ties: i beats j with probability p_i / d and ties with nu sqrt(p_i p_j) / d, where
    d = p_i + p_j + nu sqrt(p_i p_j). `wins` [i, j] counts i over j, `ties` is symmetric, both [methods, methods].
    Strengths and nu are NaN where the answers do not bound them: where methods fall into two groups of which one never
    lost to nor tied with the other (Ford 1957), or where no wins run in a circle, so that nothing bounds nu.
    """
    k = len(wins)
    tied = float(np.triu(ties).sum())
    connected = scipy.sparse.csgraph.connected_components(wins + ties > 0, connection="strong")[0] == 1
    circle = scipy.sparse.csgraph.connected_components(wins > 0, connection="strong")[0] < k
    if not connected or not circle:
        return np.full(k, math.nan), math.nan
    start = np.zeros(k if tied else k - 1)
    result = scipy.optimize.minimize(_loss, start, args=(wins, ties), jac=True, method="BFGS", options={"gtol": 1e-7})
    strengths = np.append(0.0, result.x[: k - 1])
    return strengths - strengths.mean(), math.exp(result.x[-1]) if tied else 0.0


def _loss(parameters: Floats, wins: Floats, ties: Floats) -> tuple[float, Floats]:
    """The mean negative log likelihood and its gradient, in strengths 1.. (that of method 0 is 0) and log nu."""
    k = len(wins)
    with_ties = len(parameters) == k
    theta = np.append(0.0, parameters[: k - 1])
    log_tie = (theta[:, None] + theta[None, :]) / 2 + (parameters[-1] if with_ties else -math.inf)
    log_sum = np.logaddexp(np.logaddexp(theta[:, None], theta[None, :]), log_tie)
    log_win, log_tie = theta[:, None] - log_sum, log_tie - log_sum
    # Each unordered pair stands twice in `ties` and in `asked`, once in `wins`.
    asked = wins + wins.T + ties
    likelihood = (wins * log_win).sum() + (ties * np.where(ties > 0, log_tie, 0.0)).sum() / 2
    slope = (wins + ties / 2 - asked * (np.exp(log_win) + np.exp(log_tie) / 2)).sum(axis=1)[1:]
    if with_ties:
        slope = np.append(slope, (ties - asked * np.exp(log_tie)).sum() / 2)
    answers = asked.sum() / 2
    return float(-likelihood / answers), np.asarray(-slope / answers, dtype=np.float64)


def _contest(answers: Answers, pair: tuple[int, int], wins: Floats, ties: Floats) -> Contest:
    (i, j), names = pair, answers.methods
    won, lost, neither = wins[:, i, j], wins[:, j, i], ties[:, i, j]
    asked = won + lost + neither
    net = ((won - lost)[asked > 0] / asked[asked > 0]).astype(np.float64)
    columns = {names[i]: net, names[j]: np.zeros_like(net)}
    preference = wilcoxon(names[i], names[j], columns, answers.unit)
    chosen, neutral, passed = int(won.sum()), int(neither.sum()), int(lost.sum())
    decided = _decided(names[i], names[j], chosen, passed)
    return Contest(names[i], names[j], chosen, neutral, passed, decided, preference)


def _corrected(contests: list[Contest]) -> tuple[Contest, ...]:
    """Preferences with p values corrected for how many pairs were compared."""
    if len(contests) < 2:
        return tuple(contests)
    corrected = with_holm([contest.preference for contest in contests], WILCOXON_HOLM)
    return tuple(replace(contest, preference=pair) for contest, pair in zip(contests, corrected, strict=True))


def _decided(first: str, second: str, wins: int, losses: int) -> Pair:
    n, p = wins + losses, binomial(wins, losses)
    if p is None:
        reason = "every answer is neutral"
        return Pair(first, second, BINOMIAL, "answers", 0, math.nan, None, None, reason)
    share = scipy.stats.binomtest(wins, n).proportion_ci(0.95)
    interval = Interval(float(share.low) - 0.5, float(share.high) - 0.5, 0.95, "Clopper-Pearson", n)
    return Pair(first, second, BINOMIAL, "answers", n, wins / n - 0.5, interval, p)


def _but_one(counts: Floats) -> Floats:
    return np.asarray(counts.sum(axis=0) - counts, dtype=np.float64)
