"""Where people see the methods between identity and prompt (Break-A-Scene, Figure 5, right)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

import pandas as pd

from bench.core.defaults import PARETO_AXES
from bench.stats.dataframes import bounds
from bench.stats.intervals import Interval
from bench.stats.pareto import non_dominated
from bench.stats.user_study.ratings import RatingsStudy
from bench.stats.user_study.study import Study

Rated = tuple[float, Interval | None]


@dataclass(frozen=True)
class HumanPoint:
    """A method's mean ratings over items (or scenes) with their intervals, and whether no other method beats it."""

    method: str
    prompt: Rated
    identity: Rated
    on_front: bool


def human_pareto(studies: Sequence[Study]) -> tuple[HumanPoint, ...]:
    """The points of the methods that were rated for both, in the order of the ratings for the prompt.

    Empty unless there are ratings of two questions called `prompt similarity` and `identity similarity`.
    """
    rated = {_plain(one.answers.question): one.result for one in studies if isinstance(one.result, RatingsStudy)}
    if not {*map(_plain, PARETO_AXES)} <= rated.keys():
        return ()
    prompt, identity = (_means(rated[_plain(axis)]) for axis in PARETO_AXES)
    both = [method for method in prompt if method in identity]
    if not both:
        return ()
    front = non_dominated([(prompt[method][0], identity[method][0]) for method in both])
    return tuple(
        HumanPoint(method, prompt[method], identity[method], bool(unbeaten))
        for method, unbeaten in zip(both, front, strict=True)
    )


def human_pareto_frame(points: Sequence[HumanPoint]) -> pd.DataFrame:
    """One row per method: both means with their intervals, and whether it is on the front."""
    columns = ["method", "on_front"]
    for name in ("prompt", "identity"):
        columns += [name, *(f"{name}_{end}" for end in ("low", "high", "interval"))]
    rows = [
        {
            "method": point.method,
            "on_front": point.on_front,
            **_row("prompt", point.prompt),
            **_row("identity", point.identity),
        }
        for point in points
    ]
    return pd.DataFrame(rows, columns=columns)


def _row(name: str, rated: Rated) -> dict[str, object]:
    value, interval = rated
    return {name: value, **{f"{name}_{key}": end for key, end in bounds(interval).items()}}


def _plain(question: str) -> str:
    return question.lower().replace("-", " ").strip()


def _means(study: RatingsStudy) -> dict[str, Rated]:
    """The means that there are, by method."""
    named = zip(study.answers.methods, study.means, strict=True)
    return {method: rated for method, rated in named if not isnan(rated[0])}
