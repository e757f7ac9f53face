"""What the papers say of which method is better in what, and whether a run shows it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from bench.core.errors import UserError
from bench.plugins.report import ReportData
from bench.stats.common import CommonScores
from bench.stats.dataframes import bounds
from bench.stats.differences import PairedDifference, corrected, paired_difference
from bench.stats.scene_means import methods_of

PROMPT, IDENTITY = "prompt_similarity", "identity_similarity"
FIGURE_5 = "Break-A-Scene, Figure 5 and section 4.1"
ABLATION = "Break-A-Scene, section 4.1, ablation study"
CLIC_ABLATION = "CLiC, Figure 8 (qualitative, of edits)"
Verdict = Literal["shown", "reversed", "not shown", "not run"]


@dataclass(frozen=True)
class Ordering:
    """A paper's claim: `better` has the higher mean of the metric (a column) than `worse`."""

    better: str
    worse: str
    metric: str
    source: str


ORDERINGS = (
    Ordering("ours", "ti-m", IDENTITY, FIGURE_5),
    Ordering("ours", "cd-m", IDENTITY, FIGURE_5),
    Ordering("db-m", "ours", IDENTITY, FIGURE_5),
    Ordering("ti-m", "ours", PROMPT, FIGURE_5),
    Ordering("cd-m", "ours", PROMPT, FIGURE_5),
    Ordering("ours", "db-m", PROMPT, FIGURE_5),
    Ordering("ours", "ours:no-phase-1", PROMPT, ABLATION),
    Ordering("ours", "ours:no-masked-loss", PROMPT, ABLATION),
    Ordering("ours", "ours:no-attention-loss", IDENTITY, ABLATION),
    Ordering("ours", "ours:no-union", IDENTITY, ABLATION),
    Ordering("em", "em:fixed-masks", IDENTITY, "Rahman et al. 2024, Table 1: against the baseline"),
    Ordering("em:given-masks", "em", IDENTITY, "Rahman et al. 2024, section 4: the bound"),
    Ordering("clic", "cd", IDENTITY, "CLiC, Table 1 (ranks by people)"),
    Ordering("clic", "ours", IDENTITY, "CLiC, Table 1 (ranks by people)"),
    Ordering("clic", "clic:no-roi-loss", IDENTITY, CLIC_ABLATION),
    Ordering("clic", "clic:no-context-loss", IDENTITY, CLIC_ABLATION),
    Ordering("clic", "clic:no-attention-loss", IDENTITY, CLIC_ABLATION),
)


@dataclass(frozen=True)
class JudgedOrdering:
    """An ordering with the run's difference, `better` less `worse`, corrected over all; None where it was not run.

    `group` says which settings of the methods: an ending of their names, such as ` (tuned)`.
    """

    ordering: Ordering
    group: str
    difference: PairedDifference | None

    @property
    def verdict(self) -> Verdict:
        """`shown` or `reversed` where interval and p value both say so, else `not shown`."""
        if self.difference is None or self.difference.n == 0:
            return "not run"
        if not self.difference.differs:
            return "not shown"
        return "shown" if self.difference.effect > 0 else "reversed"

    @property
    def margin(self) -> float:
        """The margin within which both are equal, by the interval: its end that is further from 0; NaN without one."""
        interval = None if self.difference is None else self.difference.interval
        return math.nan if interval is None else max(abs(interval.low), abs(interval.high))

    @property
    def told(self) -> str:
        """The verdict in words; where nothing was shown, the margin, or that the interval alone says more."""
        if self.verdict != "not shown" or self.difference is None or self.difference.interval is None:
            return self.verdict
        low, high = self.difference.interval.low, self.difference.interval.high
        if low > 0 or high < 0:
            return f"not shown: the interval lies {'above' if low > 0 else 'below'} 0, p does not hold after Holm"
        return f"not shown; equal within {self.margin:.3f}"


@dataclass(frozen=True)
class JudgedOrderings:
    """All orderings of a run."""

    rows: tuple[JudgedOrdering, ...]

    def frame(self) -> pd.DataFrame:
        """One row per ordering and group of settings."""
        return pd.DataFrame(list(map(_row, self.rows)))

    def markdown(self) -> str:
        """The orderings as a Markdown table."""
        return "\n".join(_lines(self.rows)) + "\n"


def judge_orderings(data: ReportData) -> JudgedOrderings:
    """Every ordering for the methods as they are, and what was run of each ending that their names have; Holm over all.

    Raises `UserError` where the run has the methods of none.
    """
    names = methods_of(data.table)
    judged = [
        JudgedOrdering(one, group, _difference(data, one, group)) for group in _groups(names) for one in ORDERINGS
    ]
    found = [one for one in judged if not one.group or one.difference is not None]
    ran = [one for one in found if one.difference is not None]
    if not ran:
        raise UserError(
            f"{data.run_folder} has no two methods that a paper orders, as ours and ti-m; it has {', '.join(names)}"
        )
    adjusted = iter(corrected([one.difference for one in ran if one.difference is not None]))
    return JudgedOrderings(tuple(replace(one, difference=next(adjusted)) if one.difference else one for one in found))


def _groups(names: Sequence[str]) -> tuple[str, ...]:
    """The endings that names of the run have after a method that a paper orders: nothing, or ` (tuned)`."""
    known = {name for one in ORDERINGS for name in (one.better, one.worse)}
    endings = (name.removeprefix(one) for name in names for one in known if name.startswith(f"{one} ("))
    return tuple(dict.fromkeys(("", *endings)))


def _difference(data: ReportData, ordering: Ordering, group: str) -> PairedDifference | None:
    better, worse = ordering.better + group, ordering.worse + group
    metric = next((one for one in data.metrics if one.name == ordering.metric), None)
    if metric is None or not {better, worse} <= set(methods_of(data.table)):
        return None
    rows = data.table[data.table["method"].isin([better, worse])]
    scores = CommonScores(rows, [metric]).of((worse, better))
    n_pictures = int(scores.pictures[scores.pictures["method"] == better][metric.label].count())
    return paired_difference(better, metric, scores.matrix(metric.label, (worse, better)), n_pictures, None)


def _row(one: JudgedOrdering) -> Mapping[str, object]:
    pair = one.difference
    return {
        "source": one.ordering.source,
        "better": one.ordering.better + one.group,
        "worse": one.ordering.worse + one.group,
        "metric": one.ordering.metric,
        "difference": pair.effect if pair else math.nan,
        **bounds(pair.interval if pair else None),
        "n_scenes": pair.n if pair else 0,
        "p": pair.p if pair else None,
        "verdict": one.verdict,
        "margin": one.margin,
    }


def _lines(found: Sequence[JudgedOrdering]) -> Iterator[str]:
    yield "| the paper | claim | difference [95 % interval] | p (Holm) | scenes | here |"
    yield "|---|---|---|---|---|---|"
    for one in found:
        pair, ordering = one.difference, one.ordering
        name = "identity" if ordering.metric == IDENTITY else "prompt"
        claim = f"{name}: `{ordering.better}{one.group}` above `{ordering.worse}{one.group}`"
        cells = _cells(pair) if pair is not None and pair.n else ("", "", "0")
        yield f"| {ordering.source} | {claim} | {' | '.join(cells)} | {one.told} |"


def _cells(pair: PairedDifference) -> tuple[str, str, str]:
    ends = "" if pair.interval is None else f" [{pair.interval.low:+.3f}, {pair.interval.high:+.3f}]"
    return f"{pair.effect:+.3f}{ends}", "" if pair.p is None else f"{pair.p:.2g}", str(pair.n)
