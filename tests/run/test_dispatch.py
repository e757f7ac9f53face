"""Handing tasks to workers: on a stand-in for Ray, whose workers end, die and answer in any order."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.core.errors import UserError
from bench.run.dispatch import Dispatcher, Listener, Task
from bench.run.worker import STOP


class RayError(Exception):
    """As Ray's."""


class Method:
    """A method of a worker: `.remote(...)` gives what the dispatcher waits for."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def options(self, **_: Any) -> Method:
        return self

    def remote(self, *arguments: Any) -> Any:
        return self._call(*arguments)


class Start:
    """The reference of what `prepare` returns; each is another, as Ray's are."""

    def __init__(self, here: Any) -> None:
        self.here = here


class Parcels:
    """The references of a task's parcels; an exception among them is raised in place of its parcel."""

    def __init__(self, parcels: list[Any]) -> None:
        self._parcels = iter(parcels)

    def __next__(self) -> Any:
        return next(self._parcels)


class FakeRay:
    """Ray with workers whose news come in a random order; `lives` has what each worker's start and tasks give."""

    def __init__(
        self, seed: int, parcels_of: Callable[[str], list[Any]], here: Mapping[str, Any] | None = None
    ) -> None:
        self.exceptions = SimpleNamespace(RayError=RayError)
        self._random = random.Random(seed)
        self._parcels_of = parcels_of
        self._here = here or {"host": "a", "error": ""}
        self.made = 0
        self.killed = 0
        self.given: list[str] = []

    def make(self) -> Any:
        self.made += 1
        draw = Method(self._draw)
        return SimpleNamespace(prepare=Method(lambda _: Start(self._here)), draw=draw, begin=draw)

    def _draw(self, key: str) -> Parcels:
        self.given.append(key)
        return Parcels(self._parcels_of(key))

    def wait(self, pending: list[Any], num_returns: int, **_: Any) -> tuple[list[Any], list[Any]]:
        found = self._random.sample(pending, self._random.randint(1, len(pending)))
        return found[:num_returns], []

    def get(self, one: Any) -> Any:
        found = one.here if isinstance(one, Start) else one
        if isinstance(found, Exception):
            raise found
        return found

    def kill(self, _actor: Any) -> None:
        self.killed += 1


def ran(ray: FakeRay, costs: Mapping[str, float], workers: int, check: Any = lambda here: None) -> dict[str, list[Any]]:
    """What became of tasks that have only a cost."""
    tasks = [Task(key, key, cost, lambda key=key: (key,)) for key, cost in costs.items()]  # type: ignore[misc]
    return became(ray, tasks, workers, check)


def became(ray: FakeRay, tasks: Sequence[Task], workers: int, check: Any = lambda here: None) -> dict[str, list[Any]]:
    """What became of the tasks."""
    told: dict[str, list[Any]] = {"begin": [], "parcels": [], "end": [], "lost": [], "restarted": []}
    listener = Listener(
        lambda _, task: told["begin"].append(task.key),
        lambda _, task, parcel: told["parcels"].append((task.key, parcel[1])),
        lambda _, task: told["end"].append(task.key),
        lambda task, why: told["lost"].append((task.key, why)),
        told["restarted"].append,
    )
    Dispatcher(ray, ray.make, workers, check).run("draw", tasks, listener)
    return told


def two_parcels(key: str) -> list[Any]:
    return [("", f"{key} 1"), ("", f"{key} 2")]


@given(st.integers(0, 2**32), st.integers(1, 5), st.dictionaries(st.text(max_size=3), st.floats(0, 9), max_size=12))
def test_every_task_is_done_once_in_whatever_order_workers_answer(
    seed: int, workers: int, costs: dict[str, float]
) -> None:
    told = ran(FakeRay(seed, two_parcels), costs, workers)
    assert sorted(told["end"]) == sorted(costs)
    assert sorted(told["parcels"]) == sorted((key, parcel) for key in costs for _, parcel in two_parcels(key))
    assert told["lost"] == []


def test_the_longest_come_first() -> None:
    told = ran(FakeRay(0, two_parcels), {"short": 1.0, "long": 9.0, "middle": 5.0}, workers=1)
    assert told["begin"] == ["long", "middle", "short"]


@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(0, 4))
def test_a_dead_workers_task_is_done_again_and_lost_with_the_third(seed: int, workers: int, deaths: int) -> None:
    left = {"bad": deaths}

    def parcels(key: str) -> list[Any]:
        left[key] = left.get(key, 0) - 1
        return [("", f"{key} 1"), RayError("it died")] if left[key] >= 0 else two_parcels(key)

    ray = FakeRay(seed, parcels)
    told = ran(ray, {"a": 1.0, "bad": 2.0, "b": 3.0}, workers)
    assert ray.given.count("bad") == min(deaths + 1, 3)
    assert ray.killed >= min(deaths, 3)
    assert len(told["restarted"]) == min(deaths, 3)
    if deaths < 3:
        assert sorted(told["end"]) == ["a", "b", "bad"]
    else:
        assert sorted(told["end"]) == ["a", "b"]
        assert told["lost"] == [("bad", "3 workers ended with it: RayError: it died")]


def test_a_stage_starts_anew() -> None:
    """Deaths of the stage before are forgotten, and a worker that it leaves over has not been prepared for this one."""
    left = {"a": 2}

    def parcels(key: str) -> list[Any]:
        left[key] = left.get(key, 0) - 1
        return [RayError("it died")] if left[key] >= 0 else two_parcels(key)

    ray = FakeRay(0, parcels)
    dispatcher = Dispatcher(ray, ray.make, 3, lambda here: None)
    lost: list[str] = []
    listener = Listener(*[lambda *_: None] * 3, lambda task, _: lost.append(task.key))
    tasks = [Task(key, key, 1.0, lambda key=key: (key,)) for key in "abc"]  # type: ignore[misc]
    dispatcher.run("draw", tasks, listener)
    left["a"] = 2
    made, killed = ray.made, ray.killed
    dispatcher.run("draw", tasks[:1], listener)
    assert lost == []
    assert ray.killed == killed + 2 + 2, "two that were left over, two that died"
    assert ray.made == made + 2


def cohort(size: int, nothing_for: str = "") -> list[Task]:
    """A task, another that takes as long, and so many that come after that one."""

    def task(key: str, after: str | None = None) -> Task:
        return Task(key, key, 1.0, lambda: None if key == nothing_for else (key,), after=after)

    return [task("other"), Task("begin", "begin", 1.0, lambda: ("begin",), "begin"), *(
        task(f"unit {number}", "begin") for number in range(size)
    )]  # fmt: skip


@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 30))
def test_a_task_comes_after_the_one_it_waits_for(seed: int, workers: int, size: int) -> None:
    ray = FakeRay(seed, two_parcels)
    told = became(ray, cohort(size), workers)
    assert ray.given[0] == "begin", "all that waits for it counts with it"
    assert sorted(told["end"]) == sorted(ray.given) == sorted(one.key for one in cohort(size))
    over = told["end"].index("begin")
    assert set(told["end"][:over]) <= {"other"}


def test_what_nothing_is_left_of_ends_without_a_worker() -> None:
    ray = FakeRay(0, two_parcels)
    told = became(ray, cohort(2, nothing_for="unit 0"), 2)
    assert "unit 0" not in ray.given
    assert sorted(told["end"]) == ["begin", "other", "unit 0", "unit 1"]


def test_what_waits_for_a_lost_task_is_lost_with_it() -> None:
    ray = FakeRay(0, lambda key: [RayError("it died")] if key == "begin" else two_parcels(key))
    told = became(ray, cohort(2), 2)
    assert told["end"] == ["other"]
    assert [key for key, _ in told["lost"]] == ["begin", "unit 0", "unit 1"]
    assert ray.given.count("begin") == 3


@given(st.integers(0, 2**32), st.integers(1, 3))
def test_a_worker_has_its_next_task_at_hand_while_many_are_left(seed: int, workers: int) -> None:
    """The longest still come first; a death counts for the task in work alone, and the other is not forgotten."""
    left = {"a": 2}

    def parcels(key: str) -> list[Any]:
        left[key] = left.get(key, 0) - 1
        return [("", ""), RayError("it died")] if left[key] >= 0 else two_parcels(key)

    ray = FakeRay(seed, parcels)
    costs = {name: 20.0 - number for number, name in enumerate("abcdefghijklmnopqrst")}
    told = ran(ray, costs, workers)
    assert sorted(told["end"]) == sorted(costs)
    assert told["lost"] == []
    assert len(ray.given) <= 20 + 2 * 2, "each death: one done again, one given again"


def test_the_next_task_is_given_before_the_first_has_ended() -> None:
    given: list[str] = []

    class Watching(FakeRay):
        def get(self, one: Any) -> Any:
            if isinstance(one, tuple):
                given.append(f"{one[1]}: {len(self.given)}")
            return super().get(one)

    ran(Watching(0, two_parcels), dict.fromkeys("abcde", 1.0), 1)
    assert given == ["a 1: 2", "a 2: 2", "b 1: 3", "b 2: 3", "c 1: 3", "c 2: 3", *given[6:]]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("The actor 80 is unavailable: The actor is temporarily unavailable: RpcError", "it cannot be reached"),
        ("The actor died: its node was terminated", "its machine is gone"),
        ("Worker exit type: SYSTEM_ERROR", "it was killed, or crashed"),
        ("the moon", "RayError: the moon"),
    ],
)
def test_why_a_worker_died_is_told_in_few_words(said: str, told: str) -> None:
    lost = ran(FakeRay(0, lambda key: [RayError(said)]), {"a": 1.0}, 1)["lost"]
    assert lost == [("a", f"3 workers ended with it: {told}")]


def test_a_worker_that_cannot_start_stops_all_with_its_reason() -> None:
    with pytest.raises(UserError, match="a worker on far cannot start: no backbone"):
        ran(FakeRay(0, two_parcels, {"host": "far", "error": "no backbone"}), {"a": 1.0}, 2)


def test_workers_that_die_as_they_start_stop_all() -> None:
    with pytest.raises(UserError, match="ended 3 times as it started"):
        ran(FakeRay(0, two_parcels, RayError("gone")), {"a": 1.0}, 1)  # type: ignore[arg-type]


def test_another_version_is_refused() -> None:
    def check(here: Mapping[str, Any]) -> None:
        raise UserError(f"{here['host']} has torch 1.0")

    with pytest.raises(UserError, match=r"torch 1\.0"):
        ran(FakeRay(0, two_parcels), {"a": 1.0}, 1, check)


def test_what_no_worker_can_do_stops_all() -> None:
    def parcels(key: str) -> Iterator[Any]:
        return iter([(f"{STOP}no space left", [])])

    with pytest.raises(UserError, match="a: no space left"):
        ran(FakeRay(0, lambda key: list(parcels(key))), {"a": 1.0}, 1)
