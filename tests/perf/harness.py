"""Measures cases beside the same arithmetic without the engine, in turns, in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch

Work = Callable[[], object]


@dataclass(frozen=True)
class Clock:
    """Seconds of a piece of work: the processor's on a CPU, which other processes hardly move; else the clock's."""

    device: torch.device

    @property
    def kind(self) -> str:
        """What the seconds are."""
        return "processor time" if self.device.type == "cpu" else "time, device synchronised"

    def now(self) -> float:
        """The current reading, once the device has done all that was asked of it."""
        if self.device.type == "cpu":
            return time.process_time()
        torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def seconds(self, work: Work) -> float:
        """The seconds that `work` takes."""
        began = self.now()
        work()
        return self.now() - began


@dataclass(frozen=True)
class Pair:
    """Seconds of one repetition: the engine's and, right after it, those of what it is compared with."""

    engine: float
    bare: float


@dataclass(frozen=True)
class Case:
    """What is measured: `pairs` makes so many repetitions, warm; `units` is how many `unit` one has.

    `beside` says what it is compared with, `goal` the ratio that it should not exceed.
    """

    name: str
    unit: str
    beside: str
    pairs: Callable[[int], list[Pair]]
    units: int = 1
    goal: float | None = None


@dataclass(frozen=True)
class Figure:
    """A measured case: milliseconds per unit (medians), and the ratio's quartiles over the repetitions."""

    case: str
    unit: str
    beside: str
    repeats: int
    engine_ms: float
    bare_ms: float
    ratio: float
    ratio_low: float
    ratio_high: float
    goal: float | None

    @property
    def row(self) -> tuple[str, ...]:
        """Its cells in a table with the head `HEAD`."""
        goal = "" if self.goal is None else f"{self.goal:.2f}"
        return (
            self.case,
            self.unit,
            f"{self.engine_ms:.4g}",
            f"{self.bare_ms:.4g}",
            self.beside,
            f"{self.ratio:.2f}",
            f"{self.ratio_low:.2f} to {self.ratio_high:.2f}",
            goal,
            str(self.repeats),
        )


HEAD = ("case", "of", "ms", "bare, ms", "bare is", "ratio", "quartiles", "goal", "repeats")


def alternating(engine: Work, bare: Work, clock: Clock) -> Callable[[int], list[Pair]]:
    """The `pairs` of a case of two functions: each once to warm up, then one after the other."""

    def pairs(repeats: int) -> list[Pair]:
        engine(), bare()
        return [Pair(clock.seconds(engine), clock.seconds(bare)) for _ in range(repeats)]

    return pairs


def measure(case: Case, repeats: int) -> Figure:
    """Measure a case; the ratio is the median of those of the pairs."""
    pairs = case.pairs(repeats)
    ratios = [pair.engine / pair.bare for pair in pairs]
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    scale = 1000 / case.units
    return Figure(
        case=case.name,
        unit=case.unit,
        beside=case.beside,
        repeats=len(pairs),
        engine_ms=scale * statistics.median(pair.engine for pair in pairs),
        bare_ms=scale * statistics.median(pair.bare for pair in pairs),
        ratio=statistics.median(ratios),
        ratio_low=low,
        ratio_high=high,
        goal=case.goal,
    )


def as_record(figures: list[Figure], facts: dict[str, str]) -> dict[str, Any]:
    """The figures with what is known of the machine, for JSON."""
    return {"facts": facts, "figures": [asdict(figure) for figure in figures]}
