"""The search: equal trials for every method, the best tried further, and ranges widened where the best is at an end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from bench.stats.intervals import SceneMean, mean_interval
from bench.tune.objective import with_failed
from bench.tune.space import Space, Values, spec_with

Verdict = Literal["interior", "flat", "unbounded"]
"""What is known of an optimum: it lies within what was tried; at an end of it, but not told apart from a trial further
in; or at an end and better than what lies further in, although the range was widened as often as allowed."""
Objectives = Callable[[Sequence[str], Sequence[str]], pd.DataFrame]
"""Runs methods, by their specs, on scenes, by their names; returns what `bench.tune.objective` makes of the scores."""
STEP_FACTORS = (0.5, 2.0)


@dataclass(frozen=True)
class Effort:
    """How much is spent on each method.

    `trials` on the `screening` scenes, the `kept` best of them on all tuning `scenes`, and at most `widenings` times
    half as many trials again beyond the end of a range.
    """

    screening: tuple[str, ...]
    scenes: tuple[str, ...]
    trials: int = 8
    kept: int = 4
    widenings: int = 2

    @property
    def widening_fits(self) -> int:
        """The most fits beyond one end of a range."""
        return self.widenings * (self.trials // 2) * len(self.scenes)

    def fits(self, space: Space, held_out: Sequence[str]) -> int:
        """The most fits of a method without those beyond an end of a range."""
        kept = min(self.kept, self.trials) * (len(self.scenes) - len(self.screening))
        steps = len(STEP_FACTORS) * len(self.scenes) if space.steps else 0
        return self.trials * len(self.screening) + kept + steps + 2 * len(held_out)


@dataclass(frozen=True)
class TuningTrial:
    """One setting of a method that is tried; `stage` says why: first, widened or steps."""

    method: str
    values: Values
    stage: Literal["first", "widened", "steps"] = "first"

    @property
    def spec(self) -> str:
        """The configured method."""
        return spec_with(self.method, self.values)


@dataclass(frozen=True)
class Optimum:
    """The best trial of a method and what is known of it; `ends` are the fields whose value is the last one tried.

    `objective` is that over the tuning scenes. It is too favourable, as the same scenes chose the trial.
    """

    trial: TuningTrial
    verdict: Verdict
    ends: tuple[str, ...]
    trials: int
    objective: SceneMean


class Search:
    """Tunes several methods side by side, so that every stage is one run of all of them.

    `trials` are all that were made, `results` their objectives, tidy: `method` (the trial's spec), `scene`, `prompt`,
    `identity`, `objective`. A scene on which a trial failed counts as 0.
    """

    def __init__(self, spaces: Sequence[Space], effort: Effort, objectives: Objectives) -> None:
        self.spaces = tuple(spaces)
        self.effort = effort
        self._objectives = objectives
        self.trials: list[TuningTrial] = []
        self.results = pd.DataFrame(columns=["method", "scene", "prompt", "identity", "objective"])

    def run(self) -> dict[str, Optimum]:
        """The optimum of every method, by the spec that it was asked for with."""
        first = [TuningTrial(space.spec, values) for space in self.spaces for values in space.first(self.effort.trials)]
        self._try(first, self.effort.screening)
        self._try([trial for space in self.spaces for trial in self._best(space)], self.effort.scenes)
        for _ in range(self.effort.widenings):
            wider = [trial for space in self.spaces for trial in self._beyond(space)]
            self._try(wider, self.effort.scenes)
        steps = [trial for space in self.spaces for trial in self._with_other_steps(space)]
        self._try(steps, self.effort.scenes)
        return {space.spec: self.optimum(space) for space in self.spaces}

    def optimum(self, space: Space) -> Optimum:
        """The best so far of the trials with the method's own steps."""
        best, ends = self._leader(space), self._ends(space)
        return Optimum(
            trial=best,
            verdict=self._verdict(space, best, ends),
            ends=tuple(name for name, _ in ends),
            trials=sum(trial.method == space.spec for trial in self.trials),
            objective=SceneMean.of(self._of(best), (0.0, 1.0)),
        )

    def default(self, spec: str) -> TuningTrial:
        """The trial of a method as it was asked for."""
        return next(trial for trial in self.trials if trial.method == spec)

    def _try(self, trials: Sequence[TuningTrial], scenes: Sequence[str]) -> None:
        """Run the trials on those of the scenes where they were not yet."""
        if not trials:
            return
        self.trials += [trial for trial in trials if trial not in self.trials]
        specs = [trial.spec for trial in trials]
        complete = with_failed(self._objectives(specs, scenes), specs, scenes)
        kept = self.results[~self.results["method"].isin(specs)]
        self.results = pd.concat([kept, complete] if len(kept) else [complete], ignore_index=True)

    def _of(self, trial: TuningTrial) -> pd.Series[float]:
        """The trial's objectives by scene."""
        rows = self.results[self.results["method"] == trial.spec]
        return rows.set_index("scene")["objective"].astype(float)

    def _rates(self, space: Space) -> list[TuningTrial]:
        """The method's trials with its own steps."""
        return [trial for trial in self.trials if trial.method == space.spec and trial.stage != "steps"]

    def _best(self, space: Space) -> list[TuningTrial]:
        ranked = sorted(self._rates(space), key=lambda trial: -float(self._of(trial).mean()))
        return ranked[: self.effort.kept]

    def _leader(self, space: Space) -> TuningTrial:
        """The best of the trials that were made on all tuning scenes."""
        whole = [trial for trial in self._rates(space) if len(self._of(trial)) == len(self.effort.scenes)]
        return max(whole, key=lambda trial: float(self._of(trial).mean()))

    def _ends(self, space: Space) -> list[tuple[str, bool]]:
        """The fields in which the best is the last value tried: with True the highest, with False the lowest."""
        best = self._leader(space)
        found = []
        for name in space.ranges:
            tried = [trial.values[name] for trial in self._rates(space)]
            if best.values[name] in (min(tried), max(tried)):
                found.append((name, best.values[name] == max(tried)))
        return found

    def _beyond(self, space: Space) -> Iterator[TuningTrial]:
        """New trials beyond each end where the best is."""
        best = self._leader(space)
        for name, upwards in self._ends(space):
            for values in space.beyond(best.values, name, upwards, self.effort.trials // 2):
                yield TuningTrial(space.spec, values, "widened")

    def _with_other_steps(self, space: Space) -> Iterator[TuningTrial]:
        for factor in STEP_FACTORS if space.steps else ():
            yield TuningTrial(space.spec, space.scaled_steps(self._leader(space).values, factor), "steps")

    def _verdict(self, space: Space, best: TuningTrial, ends: Sequence[tuple[str, bool]]) -> Verdict:
        if not ends:
            return "interior"
        return "flat" if all(self._is_flat(space, best, name) for name, _ in ends) else "unbounded"

    def _is_flat(self, space: Space, best: TuningTrial, name: str) -> bool:
        """Whether the best is not told apart from the best trial whose value of the field is further in."""
        inner = [
            trial
            for trial in self._rates(space)
            if trial.values[name] != best.values[name] and len(self._of(trial)) == len(self.effort.scenes)
        ]
        if not inner:
            return False
        second = max(inner, key=lambda trial: float(self._of(trial).mean()))
        interval = mean_interval(self._of(best) - self._of(second))
        return interval is None or interval.low <= 0
