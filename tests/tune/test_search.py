"""The search on responses that are known: equal effort, widening at an end, and what is said of the optimum."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pandas as pd
import pytest

from bench.plugins.spec import configure
from bench.tune.search import Effort, Optimum, Search
from bench.tune.space import Space

SCENES = tuple("abcdef")
EFFORT = Effort(SCENES[:3], SCENES, trials=8, kept=4)
DEFAULT = 5e-4


def searched(response: Callable[[float], float], spread: float = 0.001) -> tuple[Search, Optimum, list[Sequence[str]]]:
    """A search of `ti-m` whose objective is `response` of how many times its default the rate is."""
    calls: list[Sequence[str]] = []

    def objectives(specs: Sequence[str], scenes: Sequence[str]) -> pd.DataFrame:
        calls.append(tuple(specs))
        rows = []
        for spec in specs:
            own = configure("methods", spec).instance
            value = response(own.learning_rate / DEFAULT) + 0.01 * (own.steps / 800 - 1)
            rows += [(spec, scene, 0.5, 0.5, value + spread * SCENES.index(scene)) for scene in scenes]
        return pd.DataFrame(rows, columns=["method", "scene", "prompt", "identity", "objective"])

    search = Search([Space.of(configure("methods", "ti-m"))], EFFORT, objectives)
    return search, search.run()["ti-m"], calls


def bump(centre: float) -> Callable[[float], float]:
    return lambda times: 0.5 - 0.1 * abs(math.log(times / centre))


def test_an_optimum_within_the_range_is_interior() -> None:
    search, found, _ = searched(bump(1.0))
    assert found.verdict == "interior"
    assert found.trial.values == {"learning_rate": DEFAULT}
    assert found.trials == 8 + 2, "eight, and twice other steps"
    assert not [trial for trial in search.trials if trial.stage == "widened"]


def test_a_range_grows_where_the_best_is_at_its_end() -> None:
    search, found, _ = searched(bump(20.0))
    assert found.verdict == "interior"
    assert 10 < found.trial.values["learning_rate"] / DEFAULT < 30
    assert sum(trial.stage == "widened" for trial in search.trials) == 4


def test_a_response_without_an_end_is_unbounded() -> None:
    search, found, _ = searched(lambda times: 0.1 + 0.01 * math.log(times))
    assert (found.verdict, found.ends) == ("unbounded", ("learning_rate",))
    assert sum(trial.stage == "widened" for trial in search.trials) == 8, "twice four"


def test_a_response_that_does_not_change_is_flat() -> None:
    _, found, _ = searched(lambda times: 0.3 + 1e-9 * math.log(times), spread=0.0)
    assert found.verdict in ("flat", "unbounded")
    _, found, _ = searched(lambda _times: 0.3)
    assert found.verdict == "flat" if found.ends else "interior"


def test_only_the_best_of_the_screening_go_on() -> None:
    _, _, calls = searched(bump(1.0))
    assert [len(specs) for specs in calls] == [8, 4, 2]


def test_steps_are_tried_at_the_optimum_and_not_chosen() -> None:
    search, found, _ = searched(bump(1.0))
    steps = [trial.values for trial in search.trials if trial.stage == "steps"]
    assert steps == [{"learning_rate": DEFAULT, "steps": 400}, {"learning_rate": DEFAULT, "steps": 1600}]
    assert "steps" not in found.trial.values


def test_a_trial_that_failed_on_a_scene_counts_as_nothing_there() -> None:
    def objectives(specs: Sequence[str], scenes: Sequence[str]) -> pd.DataFrame:
        rows = [(spec, scene, 0.5, 0.5, 0.6) for spec in specs for scene in scenes if scene != "a"]
        return pd.DataFrame(rows, columns=["method", "scene", "prompt", "identity", "objective"])

    search = Search([Space.of(configure("methods", "ti-m"))], EFFORT, objectives)
    assert search.run()["ti-m"].objective.value == pytest.approx(0.5)
