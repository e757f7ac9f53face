"""A part of a run done again, and whether that comes to an equivalent result.

A fit amplifies rounding, which depends on the processor. So runs are compared by means over scenes, and what counts as
equal follows from how far the same fits come apart between processor settings (`Spread`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from bench.core.errors import UserError
from bench.core.files import read_record, write_json
from bench.plugins.metric import Column
from bench.reporting.runs.conditions import parse_margins
from bench.reporting.runs.pairing import FIRST, SECOND, MethodPair, pair_methods
from bench.reporting.runs.recorded import RecordedRun, common_metrics
from bench.stats.differences import PairedDifference, paired_difference

FILE = "spread.json"
SCHEMA = 1
ALPHA = 0.01
"""Probability that one of all differences lies beyond its margin where only processors differ."""
ROUNDING = 1e-6
"""What stored single precision may differ by."""


@dataclass(frozen=True)
class Spread:
    """How far a metric's scene means come apart between processor settings: root mean square of `n` differences."""

    deviation: float
    n: int

    def margin(self, scenes: int, differences: int) -> float:
        """What a mean over `scenes` stays within with probability 1 - `ALPHA`, and with it all of the `differences`.

        The quantile is Student's with `n` degrees of freedom, by Bonferroni.
        """
        quantile = float(stats.t.ppf(1 - ALPHA / (2 * differences), self.n))
        return max(ROUNDING, quantile * self.deviation / float(np.sqrt(scenes)))


@dataclass(frozen=True)
class Reproduced:
    """A method's metric as it was and as it came out again; equivalent if the means differ by no more than `margin`."""

    difference: PairedDifference
    margin: float

    @property
    def equivalent(self) -> bool:
        """Whether the mean paired difference lies within the margin."""
        return abs(self.difference.effect) <= self.margin


@dataclass(frozen=True)
class _Spreads:
    """The file's schema: spreads by metric."""

    spreads: dict[str, Spread]


def measure_spreads(run: RecordedRun, again: Sequence[RecordedRun]) -> dict[str, Spread]:
    """The spread of each metric between a run and parts of it that were done again on other processor settings."""
    found: dict[str, list[float]] = {}
    for other in again:
        for _, metric, values in _paired(run, other):
            found.setdefault(metric.label, []).extend(np.diff(values).ravel().tolist())
    return {
        label: Spread(float(np.sqrt(np.mean(np.square(differences)))), len(differences))
        for label, differences in found.items()
        if differences
    }


def write_spreads(folder: Path, spreads: Mapping[str, Spread]) -> Path:
    """Write `spread.json` into an archive's folder."""
    write_json(folder / FILE, {"spreads": {label: asdict(spread) for label, spread in spreads.items()}}, SCHEMA)
    return folder / FILE


def read_spreads(folder: Path) -> dict[str, Spread]:
    """The spreads of an archive, none where it has no file of them; raises `UserError` for a damaged one."""
    if not (folder / FILE).is_file():
        return {}
    record: _Spreads = read_record(folder / FILE, SCHEMA, _Spreads)
    return record.spreads


def judge(run: RecordedRun, again: RecordedRun, margins: Sequence[str]) -> tuple[Reproduced, ...]:
    """Every method and metric that both runs have, by its margin: a stated one, else that of the run's spreads.

    Raises `UserError` where neither says what counts as equal.
    """
    stated = parse_margins(margins, [metric.label for metric in common_metrics((run, again))])
    spreads, pairs = read_spreads(run.path), list(_paired(run, again))
    compared = dict.fromkeys(metric.label for _, metric, _ in pairs)
    if unknown := [label for label in compared if label not in stated and label not in spreads]:
        raise UserError(f"{run.path} has no {FILE} that says how far {unknown[0]} may differ; give --margin 0.05")
    return tuple(
        Reproduced(
            paired_difference(pair.name, metric, values, len(values), None),
            stated.get(metric.label) or spreads[metric.label].margin(len(values), len(pairs)),
        )
        for pair, metric, values in pairs
    )


def _paired(run: RecordedRun, again: RecordedRun) -> Iterator[tuple[MethodPair, Column, np.ndarray]]:
    """Scene means, float [scenes, 2], of each method and metric that have any in both runs."""
    metrics = common_metrics((run, again))
    for pair in pair_methods(run, again, metrics):
        for metric in metrics:
            if len(values := pair.scores.matrix(metric.label, (FIRST, SECOND))):
                yield pair, metric, values
