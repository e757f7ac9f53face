"""Two runs compared: what differs in how they were made, what differs in their scores, and whether that fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.core.errors import UserError
from bench.plugins.metric import Column
from bench.reporting.runs.conditions import FailCondition, fail_condition, parse_margins
from bench.reporting.runs.pairing import FIRST, SECOND, MethodPair, pair_methods, pairing_notes
from bench.reporting.runs.recorded import RecordedRun, common_metrics
from bench.reporting.runs.setting_differences import SettingDifference, method_differences, setting_differences
from bench.stats.differences import PairedDifference, corrected, paired_difference


@dataclass(frozen=True)
class CompareOptions:
    """What to compare: methods (none: all in common), margins and conditions as on the command line."""

    methods: tuple[str, ...] = ()
    margins: tuple[str, ...] = ()
    fail_if: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class RunComparison:
    """Two runs, `second` against `first`.

    `settings` and, by pair, `fields` are what differs in how they were made; `differences` are those of every method
    and metric, corrected together; `failed` says which conditions hold.
    """

    first: RecordedRun
    second: RecordedRun
    pairs: tuple[MethodPair, ...]
    metrics: tuple[Column, ...]
    settings: tuple[SettingDifference, ...]
    fields: Mapping[str, tuple[SettingDifference, ...]]
    notes: tuple[str, ...]
    differences: tuple[PairedDifference, ...]
    conditions: tuple[FailCondition, ...] = ()
    failed: tuple[str, ...] = field(default=())

    def of(self, method: str) -> tuple[PairedDifference, ...]:
        """The differences of one pair of methods, by its name."""
        return tuple(one for one in self.differences if one.method == method)


def compare_runs(first: RecordedRun, second: RecordedRun, options: CompareOptions) -> RunComparison:
    """Compare the second run with the first, paired by scene and prompt.

    Raises `UserError` for runs without anything in common, and for options that name what they do not have.
    """
    metrics = common_metrics((first, second))
    labels = [metric.label for metric in metrics]
    if not metrics:
        raise UserError(f"{first.path} and {second.path} share no metric; score both with one preset: bench score RUN")
    margins = parse_margins(options.margins, labels)
    conditions = tuple(fail_condition(text, labels) for text in options.fail_if)
    pairs = pair_methods(first, second, metrics, options.methods)
    differences = corrected([one for pair in pairs for one in _differences(pair, margins)])
    return RunComparison(
        first=first,
        second=second,
        pairs=pairs,
        metrics=metrics,
        settings=setting_differences(first, second),
        fields={pair.name: method_differences(first.spec(pair.first), second.spec(pair.second)) for pair in pairs},
        notes=tuple(pairing_notes(first, second, pairs)),
        differences=differences,
        conditions=conditions,
        failed=tuple(_failed(conditions, differences)),
    )


def _differences(pair: MethodPair, margins: Mapping[str, float]) -> Iterator[PairedDifference]:
    scores = pair.scores
    for metric in pair.metrics:
        values = scores.matrix(metric.label, (FIRST, SECOND))
        counted = scores.pictures.groupby("method")[metric.label].count()
        n_pictures = int(counted.min()) if len(counted) else 0
        yield paired_difference(pair.name, metric, values, n_pictures, margins.get(metric.label))


def _failed(conditions: Sequence[FailCondition], differences: Sequence[PairedDifference]) -> Iterator[str]:
    for condition in conditions:
        yield from condition.failed(differences)
