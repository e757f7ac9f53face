"""What is tuned of a method: fields with a range each, explored evenly on a log scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.core.errors import UserError
from bench.plugins.spec import Configured, configure

DIGITS = 2
"""Significant digits of a value that is tried: more could not be told apart."""
Values = Mapping[str, float]
"""A value for each tuned field of a method."""


@dataclass(frozen=True)
class Space:
    """The tunable rates of a method, each with its lowest and its highest value, and its numbers of steps.

    `default` has the values of the method as it was asked for. Rates are explored; steps are only scaled, all by the
    same factor.
    """

    spec: str
    ranges: Mapping[str, tuple[float, float]]
    default: Values
    steps: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, method: Configured) -> Space:
        """The space that a method declares (`Tunable`).

        Raises `UserError` if it declares nothing, and where its own value of a field lies outside the field's range.
        """
        declared = method.drop_in.tunable
        if not declared.rates:
            raise UserError(f"{method.spec} declares nothing to be tuned; give its class `tunable = Tunable(...)`")
        default = {name: float(getattr(method.instance, name)) for name in declared.rates}
        for name, (low, high) in declared.rates.items():
            if not low <= default[name] <= high:
                raise UserError(f"{method.spec}: {name}={default[name]:g} is outside its range, {low:g} to {high:g}")
        steps = {name: int(getattr(method.instance, name)) for name in declared.steps}
        return cls(method.spec, declared.rates, default, steps)

    def first(self, count: int, seed: int = 0) -> tuple[Values, ...]:
        """The first trials: `count` points of a Latin hypercube, of which the default replaces the nearest.

        Every field takes `count` values that are evenly spaced on a log scale, so that no two trials share one.
        """
        points = self._points(count, seed)
        nearest = min(range(count), key=lambda index: self._distance(points[index], self.default))
        return (self.default, *points[:nearest], *points[nearest + 1 :])

    def _distance(self, one: Values, other: Values) -> float:
        return sum(math.log(one[name] / other[name]) ** 2 for name in self.ranges)

    def beyond(self, values: Values, name: str, upwards: bool, count: int) -> tuple[Values, ...]:
        """`count` trials outside what was tried of one field, with the other fields as in `values`.

        They go from its value in `values`, which is the last one tried, by half of the declared range on a log scale.
        """
        low, high = self.ranges[name]
        factor = (high / low) ** (0.5 if upwards else -0.5)
        return tuple({**values, name: rounded(values[name] * factor ** ((i + 1) / count))} for i in range(count))

    def scaled_steps(self, values: Values, factor: float) -> Values:
        """The values with the numbers of steps, all times `factor`."""
        return {**values, **{name: max(1, round(count * factor)) for name, count in self.steps.items() if count}}

    def _points(self, count: int, seed: int) -> tuple[Values, ...]:
        from scipy.stats import qmc  # noqa: PLC0415 - slow to import, and reports read what was found

        cells = qmc.LatinHypercube(len(self.ranges), scramble=False, optimization="random-cd", rng=seed).random(count)
        logs = np.log(np.array(list(self.ranges.values())))
        points = np.exp(logs[:, 0] + cells * (logs[:, 1] - logs[:, 0]))
        return tuple({name: rounded(x) for name, x in zip(self.ranges, point, strict=True)} for point in points)


def rounded(value: float) -> float:
    """A value with two significant digits."""
    return float(f"{value:.{DIGITS - 1}e}")


def spec_with(spec: str, values: Values) -> str:
    """A method's spec with other values: `ours:code` and `{"phase1_steps": 10}` -> `ours:code[phase1_steps=10]`."""
    bare, bracket, settings = spec.partition("[")
    kept = [settings.removesuffix("]")] if bracket and settings != "]" else []
    return f"{bare}[{','.join([*kept, *(f'{name}={value:g}' for name, value in values.items())])}]"


def spaces(specs: Sequence[str]) -> tuple[Space, ...]:
    """The space of each method; raises `UserError` as `Space.of` does."""
    return tuple(Space.of(configure("methods", spec)) for spec in specs)
