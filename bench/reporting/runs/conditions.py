"""What a user states of metrics on the command line: margins of equivalence, and when a comparison fails."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.core.errors import UserError, did_you_mean
from bench.stats.differences import PairedDifference

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_CONDITION = re.compile(rf"\s*([A-Za-z][\w-]*)(?:\.(low|high))?\s*(<=|>=|<|>)\s*({_NUMBER})\s*")
_MARGIN = re.compile(rf"\s*(?:([A-Za-z][\w-]*)\s*=)?\s*({_NUMBER})\s*")
_COMPARES: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class FailCondition:
    """`identity-similarity < -0.02`: about a metric's mean paired difference, or an end of its interval."""

    text: str
    metric: str
    end: str
    sign: str
    bound: float

    def failed(self, differences: Sequence[PairedDifference]) -> list[str]:
        """The methods for which it holds, a sentence each; also those for which it cannot be told."""
        return [told for one in differences if one.metric.label == self.metric if (told := self._verdict(one))]

    def _verdict(self, one: PairedDifference) -> str:
        value = self._value(one)
        what = f"{one.method}: {self.metric}{f'.{self.end}' if self.end else ''}"
        if math.isnan(value):
            why = one.reason or "no scene has one in both runs"
            return f"{what} has no value ({why}), so '{self.text}' cannot be told"
        return f"{what} is {value:+.4f}: {self.text}" if _COMPARES[self.sign](value, self.bound) else ""

    def _value(self, one: PairedDifference) -> float:
        if not self.end:
            return one.effect
        if one.interval is None:
            return math.nan
        return one.interval.low if self.end == "low" else one.interval.high


def fail_condition(text: str, metrics: Sequence[str]) -> FailCondition:
    """Parse `METRIC < NUMBER`, also `METRIC.low` and `METRIC.high`, with `<`, `<=`, `>` or `>=`.

    Raises `UserError` for anything else, and for a metric that is not one of `metrics` (labels).
    """
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise UserError(
            f"--fail-if '{text}' is not METRIC < NUMBER (or <=, >, >=; METRIC.low and METRIC.high are the ends of the "
            f"interval), such as '{metrics[0]} < -0.02'"
        )
    metric, end, sign, bound = match.groups()
    _check(f"--fail-if '{text}'", metric, metrics)
    return FailCondition(" ".join(text.split()), metric, end or "", sign, float(bound))


def parse_margins(texts: Sequence[str], metrics: Sequence[str]) -> dict[str, float]:
    """The margin of each metric, by label: `0.02` is for all, `METRIC=0.05` for one; those without have none.

    Raises `UserError` for anything else, for a margin that is not above 0, and for a metric that is not in `metrics`.
    """
    general: dict[str, float] = {}
    own: dict[str, float] = {}
    for text in texts:
        match = _MARGIN.fullmatch(text)
        if match is None or not 0 < float(match[2]) < math.inf:
            raise UserError(f"--margin '{text}' is not a number above 0, nor METRIC=NUMBER such as {metrics[0]}=0.02")
        if match[1] is None:
            general = dict.fromkeys(metrics, float(match[2]))
        else:
            _check(f"--margin '{text}'", match[1], metrics)
            own[match[1]] = float(match[2])
    return {**general, **own}


def _check(said: str, metric: str, known: Sequence[str]) -> None:
    if metric not in known:
        raise UserError(
            f"{said}: the runs share no metric '{metric}'{did_you_mean(metric, known)} Known: {', '.join(known)}"
        )
