"""What a test gives, and how its p value is written."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from bench.stats.intervals import Interval

Unit = Literal["pictures", "scenes", "items", "raters", "answers"]
"""What a test counts: pictures or scenes of a run; items, raters or answers of a user study."""

TUKEY_FLOOR = 1e-10
"""Below this the studentized range has rounding errors, and Tukey's p is only known to be smaller."""


@dataclass(frozen=True)
class Overall:
    """One test of all methods together.

    `n` counts units a method. `log10_p` is finite where p itself underflows. Where there
    is no test, `statistic` and `log10_p` are None and `reason` says why.
    """

    test: str
    unit: Unit
    n: int
    statistic: float | None
    log10_p: float | None
    reason: str = ""

    @property
    def p(self) -> float | None:
        """The p value; 0.0 where it underflows: then `log10_p` tells more."""
        return None if self.log10_p is None else 10.0**self.log10_p

    @property
    def p_text(self) -> str:
        """The p value to print, or the reason why there is none."""
        if self.log10_p is None:
            return self.reason
        return format_log10(self.log10_p)


@dataclass(frozen=True)
class Pair:
    """Two methods compared: `effect` is the mean of first minus second.

    `p` is corrected for the number of pairs as `test` says. Where there is no p, `reason` says why. `floor`
    is the least p that the test can tell from 0.
    """

    first: str
    second: str
    test: str
    unit: Unit
    n: int
    effect: float
    interval: Interval | None
    p: float | None
    reason: str = ""
    floor: float = 0.0

    @property
    def methods(self) -> tuple[str, str]:
        """Both methods."""
        return self.first, self.second

    @property
    def p_text(self) -> str:
        """The p value to print, or the reason why there is none."""
        if self.p is None:
            return self.reason
        if self.p < self.floor:
            return f"< {self.floor:.0e}"
        return format_p(self.p)

    def seen_from(self, method: str) -> Pair:
        """The same pair with `method`, one of the two, as the first."""
        if method == self.first:
            return self
        ends = self.interval and replace(self.interval, low=0.0 - self.interval.high, high=0.0 - self.interval.low)
        return replace(self, first=method, second=self.first, effect=0.0 - self.effect, interval=ends)


@dataclass(frozen=True)
class Comparison:
    """One metric, every method: a test of all together on what all have in common, and of each pair.

    `n_scenes` and `n_pictures` count the common scenes and (per method) pictures of all. Paired by scene, a pair rests
    on what its two methods have in common, which its own `n` counts; over pictures, on what all have.
    """

    metric: str
    unit: Unit
    methods: tuple[str, ...]
    n_scenes: int
    n_pictures: int
    overall: Overall
    pairs: tuple[Pair, ...]


def format_p(p: float) -> str:
    """`0.032`, `4.3e-05`."""
    return format_log10(math.log10(p)) if p > 0 else "< 1e-300"


def format_log10(log10_p: float) -> str:
    """`0.032`, `4.3e-05`, and `2.1e-417` where a float would be 0."""
    if log10_p >= -3:
        return f"{10.0**log10_p:.2g}"
    exponent = math.floor(log10_p)
    return f"{10.0 ** (log10_p - exponent):.1f}e{exponent:03d}"
