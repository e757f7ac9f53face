"""An analysis as tidy tables: what the report's CSV files hold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, fields

import pandas as pd

from bench.core.defaults import PARETO_AXES
from bench.stats.analysis import Analysis
from bench.stats.front import Front, Hypervolume
from bench.stats.intervals import Interval
from bench.stats.power import SampleSize
from bench.stats.results import Overall, Pair

FRONT = " and ".join(PARETO_AXES)


def tests_frame(analysis: Analysis) -> pd.DataFrame:
    """One row per test: metric, test, unit, first, second (empty: all methods), n, statistic, effect, interval, p.

    `log10_p` is finite where `p` underflows; `p_text` is how the page prints it, or why there is no p.
    """
    return pd.DataFrame(list(_tests(analysis)))


def effects_frame(analysis: Analysis) -> pd.DataFrame:
    """One row per effect size of a pair of methods, with its interval."""
    columns = ["metric", "measure", "first", "second", "n_scenes", "value", "low", "high", "interval"]
    rows = [
        (each.metric, each.measure, each.first, each.second, each.n, each.value, *bounds(each.interval).values())
        for each in analysis.effects
    ]
    return pd.DataFrame(rows, columns=columns)


def moments_frame(analysis: Analysis) -> pd.DataFrame:
    """One row per method and metric over pictures: mean, standard deviation and variance, as in the papers' tables."""
    return pd.DataFrame([asdict(each) for each in analysis.moments])


def front_frame(analysis: Analysis) -> pd.DataFrame:
    """One row per method, and one of all together: probability of being on the front, hypervolume with its interval."""
    front = analysis.front
    if front is None or not front.methods:
        return pd.DataFrame(columns=["method", "n_scenes", "front_probability", *_volume_record(None)])
    probabilities = front.probabilities or (math.nan,) * len(front.methods)
    rows = [
        {
            "method": method,
            "n_scenes": front.n_scenes,
            "front_probability": chance,
            **_volume_record(hypervolume),
        }
        for method, chance, hypervolume in zip(front.methods, probabilities, front.hypervolumes, strict=True)
    ]
    whole = {"method": "all together", "n_scenes": front.n_scenes, "front_probability": math.nan}
    return pd.DataFrame([*rows, {**whole, **_volume_record(front.hypervolume)}])


def power_frame(analysis: Analysis) -> pd.DataFrame:
    """One row per metric and pair: spread over scenes, scenes that a difference needs, least detectable difference."""
    frame = pd.DataFrame(
        [asdict(each) for each in analysis.sample_sizes], columns=[field.name for field in fields(SampleSize)]
    )
    renames = {"n": "n_scenes", "scenes": "scenes_needed", "detectable": "detectable_difference"}
    return frame.rename(columns=renames).astype({"scenes_needed": "Int64"})


def overall_record(overall: Overall) -> dict[str, object]:
    """A test of all methods as a row."""
    return {
        "test": overall.test,
        "unit": overall.unit,
        "first": "",
        "second": "",
        "n": overall.n,
        "statistic": overall.statistic,
        "effect": math.nan,
        **bounds(None),
        "p": overall.p,
        "log10_p": overall.log10_p,
        "p_text": overall.p_text,
    }


def pair_record(pair: Pair) -> dict[str, object]:
    """A test of two methods as a row."""
    return {
        "test": pair.test,
        "unit": pair.unit,
        "first": pair.first,
        "second": pair.second,
        "n": pair.n,
        "statistic": None,
        "effect": pair.effect,
        **bounds(pair.interval),
        "p": pair.p,
        "log10_p": math.log10(pair.p) if pair.p else None,
        "p_text": pair.p_text,
    }


def _tests(analysis: Analysis) -> Iterator[dict[str, object]]:
    for comparison in analysis.comparisons:
        for record in _records(comparison.overall, comparison.pairs):
            yield {"metric": comparison.metric, **record}
    for metric, model in analysis.mixed.items():
        for record in _records(model.overall, model.pairs):
            yield {"metric": metric, **record}
    front: Front | None = analysis.front
    for pair in front.dominance if front else ():
        yield {"metric": FRONT, **pair_record(pair)}


def _records(overall: Overall, pairs: tuple[Pair, ...]) -> list[dict[str, object]]:
    return [overall_record(overall), *map(pair_record, pairs)]


def bounds(interval: Interval | None) -> dict[str, object]:
    """An interval as the columns `low`, `high` and `interval` (its level and method)."""
    if interval is None:
        return {"low": math.nan, "high": math.nan, "interval": "none"}
    return {"low": interval.low, "high": interval.high, "interval": f"{interval.level:.0%} {interval.method}"}


def _volume_record(hypervolume: Hypervolume | None) -> dict[str, object]:
    columns = bounds(hypervolume.interval if hypervolume else None)
    value = hypervolume.value if hypervolume else math.nan
    return {"hypervolume": value, **{f"hypervolume_{key}": end for key, end in columns.items()}}
