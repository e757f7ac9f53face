"""Axes of plots that are drawn as SVG: where values lie, and round numbers along them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

PADDING = 0.05
"""Room at both ends of an axis, as a share of what it shows."""


@dataclass(frozen=True)
class Axis:
    """Values from `low` to `high`, drawn from the pixel `start` to the pixel `end` (less than `start` for upwards)."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def around(cls, values: Iterable[float], start: float, end: float, least: float = 0.0) -> Axis:
        """An axis that shows all of these values with some room, and spans at least `least`; NaN is left out."""
        known = [value for value in values if math.isfinite(value)]
        low, high = min(known), max(known)
        more = max(PADDING * (high - low), (least - (high - low)) / 2) or PADDING * abs(high) or 1.0
        return cls(low - more, high + more, start, end)

    def at(self, value: float) -> float:
        """The pixel of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, most: int = 7) -> tuple[tuple[float, str], ...]:
        """At most so many round numbers: the pixel of each, and how it is written."""
        step = _round_step((self.high - self.low) / most)
        digits = max(0, -math.floor(math.log10(step) + 1e-9)) + (
            round(step / 10 ** math.floor(math.log10(step)), 1) == 2.5
        )
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        values = [number * step for number in range(first, last + 1)]
        return tuple((self.at(value), f"{value:.{digits}f}".replace("-", "−")) for value in values)


def _round_step(least: float) -> float:
    """The least of 1, 2, 2.5 and 5 times a power of ten that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(times * power for times in (1, 2, 2.5, 5, 10) if times * power >= least * (1 - 1e-9))
