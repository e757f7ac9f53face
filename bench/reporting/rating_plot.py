"""The plot of people's ratings: prompt across, identity upwards, as an SVG that needs no script."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence

from bench.reporting.text import bounds, number
from bench.stats.user_study.answers import SCALE
from bench.stats.user_study.human_pareto import HumanPoint, Rated

SIDE, LEFT, BELOW, EDGE = 460, 52, 48, 14
"""Pixels of the plot: its sides, and the room for the axes' words and beyond."""
STEP = 0.5
"""Between two lines of the grid, on the scale of the ratings."""


def rating_plot(points: Sequence[HumanPoint]) -> str:
    """A scatter plot with intervals as crosses; empty without points.

    A method's number is its place in `points`; it is filled on the Pareto front and open off it.
    """
    if not points:
        return ""
    across, upwards = (_range([getattr(point, axis) for point in points]) for axis in ("prompt", "identity"))
    plot = _Plane(across, upwards)
    parts = [*plot.grid(), plot.front(points)]
    for place, point in enumerate(points, 1):
        parts += plot.point(place, point)
    words = html.escape(describe_ratings(points))
    return f'<svg class="ratings" viewBox="0 0 {SIDE} {SIDE}" role="img" aria-label="{words}">{"".join(parts)}</svg>'


def describe_ratings(points: Sequence[HumanPoint]) -> str:
    """The plot in words, for who cannot see it."""
    told = (f"{one.method}: prompt {_words(one.prompt)}, identity {_words(one.identity)}" for one in points)
    return "Scatter plot of people's ratings for prompt and identity. " + "; ".join(told)


def _words(rated: Rated) -> str:
    return f"{number(rated[0])} {bounds(rated[1])}".strip()


def _range(rated: Sequence[Rated]) -> tuple[float, float]:
    """The part of the scale to show: all values with their intervals, in whole steps."""
    ends = [value for value, _ in rated]
    ends += [end for _, interval in rated if interval is not None for end in (interval.low, interval.high)]
    low, high = math.floor(min(ends) / STEP) * STEP, math.ceil(max(ends) / STEP) * STEP
    return (max(low, SCALE[0]), min(max(high, low + STEP), SCALE[1]))


class _Plane:
    """Where ratings lie in the plot."""

    def __init__(self, across: tuple[float, float], upwards: tuple[float, float]) -> None:
        self.across, self.upwards = across, upwards

    def x(self, value: float) -> float:
        low, high = self.across
        return round(LEFT + (value - low) / (high - low) * (SIDE - LEFT - EDGE), 1)

    def y(self, value: float) -> float:
        low, high = self.upwards
        return round(SIDE - BELOW - (value - low) / (high - low) * (SIDE - BELOW - EDGE), 1)

    def grid(self) -> Iterator[str]:
        """Lines with their values, and what the axes are."""
        bottom, right = SIDE - BELOW, SIDE - EDGE
        for value in _steps(self.across):
            x = self.x(value)
            yield f'<path class="grid" d="M{x} {EDGE}V{bottom}"/><text x="{x}" y="{bottom + 19}">{value:.1f}</text>'
        for value in _steps(self.upwards):
            y = self.y(value)
            yield f'<path class="grid" d="M{LEFT} {y}H{right}"/>'
            yield f'<text x="{LEFT - 8}" y="{y + 4}" style="text-anchor: end">{value:.1f}</text>'
        middle = (SIDE - BELOW) / 2
        yield f'<text x="{(LEFT + right) / 2}" y="{SIDE - 8}">rated prompt similarity →</text>'
        yield f'<text transform="translate(14 {middle}) rotate(-90)">rated identity similarity →</text>'

    def front(self, points: Sequence[HumanPoint]) -> str:
        """The staircase below which lies what the methods on the front beat."""
        ordered = sorted((point.prompt[0], point.identity[0]) for point in points if point.on_front)
        steps = "".join(f"V{self.y(identity)}H{self.x(prompt)}" for prompt, identity in ordered[1:])
        start = f"M{self.x(ordered[0][0])} {self.y(ordered[0][1])}"
        return f'<path class="front" d="{start}{steps}"/>'

    def point(self, place: int, point: HumanPoint) -> Iterator[str]:
        """A method: its cross, its circle and its number."""
        (prompt, across), (identity, upwards) = point.prompt, point.identity
        x, y = self.x(prompt), self.y(identity)
        if across is not None:
            yield f'<path class="bar" d="M{self.x(across.low)} {y}H{self.x(across.high)}"/>'
        if upwards is not None:
            yield f'<path class="bar" d="M{x} {self.y(upwards.low)}V{self.y(upwards.high)}"/>'
        kind = "on" if point.on_front else "off"
        yield f'<circle class="{kind}" cx="{x}" cy="{y}" r="10"><title>{html.escape(point.method)}</title></circle>'
        yield f'<text class="{kind}" x="{x}" y="{y + 4.5}">{place}</text>'


def _steps(ends: tuple[float, float]) -> list[float]:
    low, high = ends
    return [low + STEP * index for index in range(round((high - low) / STEP) + 1)]
