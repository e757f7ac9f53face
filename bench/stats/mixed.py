"""A linear mixed model: methods as fixed effects, scenes as random effects; uses scenes that a method lacks too."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import scipy

from bench.stats.intervals import FEWEST, Interval, student_quantile
from bench.stats.paired import too_few, with_holm
from bench.stats.results import Overall, Pair
from bench.stats.scene_means import Floats

MIXED = "mixed model, F"
MIXED_PAIR = "mixed model, t"
MIXED_HOLM = "mixed model, t, Holm"
FEW_SCENES = f"a method has fewer than {FEWEST} scenes"


@dataclass(frozen=True)
class MixedModel:
    """The model of one metric: its tests, and the standard deviations of scenes and of what is left.

    Both deviations are NaN where there is no model; `overall.reason` says why.
    """

    overall: Overall
    pairs: tuple[Pair, ...]
    scene_sd: float
    residual_sd: float


@dataclass(frozen=True, eq=False)
class _Fit:
    effects: Floats
    covariance: Floats
    scene_variance: float
    residual_variance: float


def mixed_model(names: Sequence[str], values: Floats) -> MixedModel:
    """Fit y = method + scene + rest to scene means float [scenes, methods], NaN where a method lacks the scene.

    By REML (statsmodels' MixedLM; of a table without holes in closed form). What a method does on a scene beyond both
    effects, and the noise of its pictures, are the rest: pictures of one scene are one observation, and p values are
    about scenes. Tests have cells - scenes - methods + 1 denominator degrees of freedom, with which a table without
    holes gives the analysis of variance of repeated measures exactly. Pairs are corrected by Holm; intervals are not. A
    method of fewer than 4 scenes is left out, and the test of all says so: it voids no other's result.
    """
    enough = (~np.isnan(values)).sum(axis=0) >= FEWEST
    if enough.all() or enough.sum() < 2:
        return _model(names, values)
    kept, weak = ([name for name, keep in zip(names, mask, strict=True) if keep] for mask in (enough, ~enough))
    model = _model(kept, values[:, enough])
    overall = replace(model.overall, test=f"{MIXED}, without {', '.join(weak)}")
    known = {(pair.first, pair.second): pair for pair in model.pairs}
    pairs = tuple(known.get(pair) or _untested(pair, len(values), FEW_SCENES) for pair in combinations(names, 2))
    return replace(model, overall=overall, pairs=pairs)


def _model(names: Sequence[str], values: Floats) -> MixedModel:
    present = values[~np.isnan(values).all(axis=1)]
    degrees = int((~np.isnan(present)).sum()) - len(present) - len(names) + 1
    fit = _hindrance(names, present, degrees) or _fit(present)
    if isinstance(fit, str):
        return _none(names, values, fit)
    statistic, log10_p = _overall(fit, degrees)
    overall = Overall(MIXED, "scenes", len(present), statistic, log10_p)
    pairs = [_pair(names, pair, present, fit, degrees) for pair in combinations(range(len(names)), 2)]
    corrected = with_holm(pairs, MIXED_HOLM) if len(names) > 2 else tuple(pairs)
    return MixedModel(overall, corrected, math.sqrt(fit.scene_variance), math.sqrt(fit.residual_variance))


def log10_f_tail(statistic: float, numerator: int, denominator: int) -> float:
    """log10 of P(F > statistic), also where it underflows: there the incomplete beta's series (DLMF 8.17.8)."""
    log_tail = float(scipy.stats.f.logsf(statistic, numerator, denominator))
    if not math.isfinite(log_tail):
        a, b = denominator / 2, numerator / 2
        x = denominator / (denominator + numerator * statistic)
        series = float(scipy.special.hyp2f1(a + b, 1, a + 1, x))
        beta = float(scipy.special.betaln(a, b))
        log_tail = a * math.log(x) + b * math.log1p(-x) - math.log(a) - beta + math.log(series)
    return log_tail / math.log(10)


def _hindrance(names: Sequence[str], present: Floats, degrees: int) -> str:
    if len(names) < 2:
        return "one method: nothing to compare"
    if reason := too_few(len(present)):
        return reason
    if (~np.isnan(present)).sum(axis=0).min() < FEWEST or degrees < FEWEST:
        return FEW_SCENES
    centred = present - np.nanmean(present, axis=1, keepdims=True)
    if np.nanmax(np.abs(centred - np.nanmean(centred, axis=0))) < 1e-12:
        return "scenes and methods explain every value"
    return ""


def _fit(present: Floats) -> _Fit | str:
    """The fitted model, or why there is none. Values are fitted in units of their deviation, for the optimiser."""
    if not np.isnan(present).any():
        return _balanced(present)
    from statsmodels.regression.mixed_linear_model import MixedLM  # noqa: PLC0415 - slow to import

    scenes, methods = np.nonzero(~np.isnan(present))
    observed = present[scenes, methods]
    unit = float(observed.std())
    model = MixedLM((observed - observed.mean()) / unit, np.eye(present.shape[1])[methods], groups=scenes)
    try:
        with warnings.catch_warnings():
            # A variance of scenes at its bound, 0, is a valid answer, of which statsmodels warns.
            warnings.simplefilter("ignore")
            result: Any = model.fit(reml=True)
    except np.linalg.LinAlgError as error:
        return f"the model cannot be fitted ({error})"
    k = present.shape[1]
    covariance = np.asarray(result.cov_params(), dtype=np.float64)[:k, :k] * unit**2
    if not np.isfinite(covariance).all():
        return "the model cannot be fitted (its covariance is not finite)"
    variances = float(np.asarray(result.cov_re).item()) * unit**2, float(result.scale) * unit**2
    return _Fit(np.asarray(result.fe_params, dtype=np.float64) * unit, covariance, *variances)


def _balanced(present: Floats) -> _Fit:
    """The model of a table without holes, [scenes, methods], where REML is the analysis of variance in closed form."""
    n, k = present.shape
    effects = present.mean(axis=0)
    deviations = present - effects
    of_scenes = k * float((deviations.mean(axis=1) ** 2).sum())
    rest = float((deviations**2).sum()) - of_scenes
    residual = rest / ((n - 1) * (k - 1))
    scene = (of_scenes / (n - 1) - residual) / k
    if scene < 0:  # at the bound: scenes differ by no more than the rest, which takes up their part
        scene, residual = 0.0, (of_scenes + rest) / (k * (n - 1))
    return _Fit(effects, (scene + residual * np.eye(k)) / n, scene, residual)


def _overall(fit: _Fit, degrees: int) -> tuple[float, float]:
    """Wald's F of all methods being equal, and log10 of its p value."""
    k = len(fit.effects)
    contrast = np.eye(k)[1:] - np.eye(k)[0]
    differences = contrast @ fit.effects
    wald = float(differences @ np.linalg.solve(contrast @ fit.covariance @ contrast.T, differences))
    statistic = wald / (k - 1)
    return statistic, log10_f_tail(statistic, k - 1, degrees)


def _pair(names: Sequence[str], pair: tuple[int, int], present: Floats, fit: _Fit, degrees: int) -> Pair:
    i, j = pair
    n = int((~np.isnan(present[:, [i, j]])).any(axis=1).sum())
    effect = float(fit.effects[i] - fit.effects[j])
    variance = fit.covariance[i, i] + fit.covariance[j, j] - 2 * fit.covariance[i, j]
    error = math.sqrt(float(variance))
    reach = student_quantile(0.975, degrees) * error
    interval = Interval(effect - reach, effect + reach, 0.95, MIXED_PAIR, n)
    p = float(2 * scipy.special.stdtr(degrees, -abs(effect) / error))
    return Pair(names[i], names[j], MIXED_PAIR, "scenes", n, effect, interval, p)


def _none(names: Sequence[str], values: Floats, reason: str) -> MixedModel:
    n = len(values)
    pairs = tuple(_untested(pair, n, reason) for pair in combinations(names, 2))
    return MixedModel(Overall(MIXED, "scenes", n, None, None, reason), pairs, math.nan, math.nan)


def _untested(pair: tuple[str, str], n: int, reason: str) -> Pair:
    return Pair(*pair, MIXED_PAIR, "scenes", n, math.nan, None, None, reason)
