"""Boards of entries that may be compared: ranks with intervals, the front, and who is set apart and why."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from bench.core.defaults import PARETO_AXES
from bench.core.text import count
from bench.plugins.metric import Column
from bench.reporting.runs.entries import BoardEntry, fresh_seeds
from bench.reporting.runs.recorded import common_metrics
from bench.reporting.selection import main_metrics
from bench.stats.common import CommonScores
from bench.stats.front import front_probabilities
from bench.stats.intervals import FEWEST, describe_rule
from bench.stats.pareto import non_dominated
from bench.stats.ranks import RankInterval, rank_intervals
from bench.stats.summary import MethodSummary


@dataclass(frozen=True, eq=False)
class RankedEntry:
    """An entry with its `ranks` by metric (label), empty for one that is not ranked, of which `why` says why.

    `front` is whether no other ranked entry beats its means, `front_probability` how sure that is among the entries
    with enough scenes (None: unknown). `fresh` are runs that drew the dataset's recipe from another seed; None where
    the dataset is drawn from none.
    """

    entry: BoardEntry
    summary: MethodSummary
    ranks: Mapping[str, RankInterval]
    why: str
    front: bool
    front_probability: float | None
    fresh: tuple[str, ...] | None


@dataclass(frozen=True, eq=False)
class Board:
    """Entries that may be compared, and the metrics that all have; `apart` says how it differs from the first board."""

    entries: tuple[RankedEntry, ...]
    metrics: tuple[Column, ...]
    apart: tuple[str, ...]

    @property
    def first(self) -> BoardEntry:
        """An entry of the board: all have its dataset, preset and seed."""
        return self.entries[0].entry

    @cached_property
    def shown(self) -> tuple[Column, ...]:
        """The metrics of which some entry has a value."""
        return tuple(
            metric
            for metric in self.metrics
            if any(one.summary.estimates[metric.label].n_scenes for one in self.entries)
        )

    @property
    def rule(self) -> str:
        """How the means got their intervals."""
        estimates = [estimate for one in self.entries for estimate in one.summary.estimates.values()]
        return describe_rule([estimate.n_scenes for estimate in estimates if estimate.n_scenes])

    @cached_property
    def ranked(self) -> tuple[RankedEntry, ...]:
        """The entries that have ranks."""
        return tuple(one for one in self.entries if not one.why)


def make_boards(entries: Sequence[BoardEntry]) -> tuple[Board, ...]:
    """The boards, that of most entries first; an entry is on one board, with its like alone."""
    grouped: dict[tuple[str, str, int, bool], list[BoardEntry]] = {}
    for entry in entries:
        grouped.setdefault(entry.board, []).append(entry)
    # untuned entries before tuned ones, then the most
    groups = sorted(grouped.values(), key=lambda group: (group[0].tuned, -len(group)))
    return tuple(_board(group, tuple(_apart(group[0], groups[0][0])), entries) for group in groups)


def _apart(entry: BoardEntry, main: BoardEntry) -> Iterator[str]:
    own, other = entry.run, main.run
    if own.settings.dataset_hash != other.settings.dataset_hash:
        yield f"another dataset ({own.settings.dataset}, {own.settings.dataset_hash[:12]})"
    if (own.preset, own.preset_digest) != (other.preset, other.preset_digest):
        yield f"another preset or other models ({own.preset}, {own.preset_digest})"
    if own.scoring != other.scoring:
        yield f"another version of the scoring ({own.scoring}; bench score RUN makes it this machine's)"
    if own.settings.seed != other.settings.seed:
        yield f"another seed ({own.settings.seed})"
    if entry.tuned:
        yield "tuned settings"


def _board(group: Sequence[BoardEntry], apart: tuple[str, ...], entries: Iterable[BoardEntry]) -> Board:
    metrics = common_metrics([entry.run for entry in group])
    asked = set[tuple[object, ...]]().union(*(entry.prompts for entry in group))
    reasons = [_why_unranked(entry, len(asked)) for entry in group]
    ranked = [entry for entry, why in zip(group, reasons, strict=True) if not why]
    scores = _scores(ranked, metrics)
    ranks = {metric.label: _ranks(scores, metric, len(ranked)) for metric in metrics}
    fronts = iter(_fronts(scores, metrics, ranked))
    places = iter(range(len(ranked)))
    found = []
    for entry, why in zip(group, reasons, strict=True):
        place = None if why else next(places)
        own = {} if place is None else {label: of_metric[place] for label, of_metric in ranks.items()}
        front, chance = (False, None) if place is None else next(fronts)
        fresh = None if entry.recipe is None else fresh_seeds(entry, entries)
        found.append(RankedEntry(entry, entry.summary.methods[0], own, why, front, chance, fresh))
    return Board(tuple(sorted(found, key=lambda one: _order(one, main_metrics(metrics)))), metrics, apart)


def _why_unranked(entry: BoardEntry, asked: int) -> str:
    if entry.control:
        return "a control"
    drawn = len(entry.prompts)
    return "" if drawn == asked else f"incomplete: {drawn} of {count(asked, 'picture')}"


def _scores(entries: Sequence[BoardEntry], metrics: Sequence[Column]) -> CommonScores | None:
    """The scores of the ranked entries, which have drawn the same pictures; methods are their places."""
    if not entries:
        return None
    rows = [entry.rows.assign(method=str(place)) for place, entry in enumerate(entries)]
    return CommonScores(pd.concat(rows, ignore_index=True), metrics)


def _ranks(scores: CommonScores | None, metric: Column, entries: int) -> tuple[RankInterval, ...]:
    if scores is None:
        return ()
    means = scores.together.means
    wide = means[means["metric"] == metric.label].pivot(index="scene", columns="method", values="mean")
    values = wide.reindex(columns=[str(place) for place in range(entries)]).to_numpy(dtype=np.float64)
    return rank_intervals(values, metric.higher_is_better)


def _fronts(
    scores: CommonScores | None, metrics: Sequence[Column], ranked: Sequence[BoardEntry]
) -> list[tuple[bool, float | None]]:
    """Whether each entry is on the front of the means that are shown, and how sure that is."""
    if scores is None or not {*PARETO_AXES} <= {metric.label for metric in metrics}:
        return [(False, None)] * len(ranked)
    estimates = [entry.summary.methods[0].estimates for entry in ranked]
    flags = non_dominated([[own[axis].mean for axis in PARETO_AXES] for own in estimates])
    chances = _front_chances(scores)
    return [(bool(flag), chances.get(place)) for flag, place in zip(flags, scores.methods, strict=True)]


def _front_chances(scores: CommonScores) -> dict[str, float]:
    """How sure it is that an entry (by its place) is on the front, over the scenes where all of them have both axes.

    An entry with too few scenes of its own is left out: it would take the scenes from all others.
    """
    together = scores.together
    enough = [place for place in scores.methods if len(together.by_scene(PARETO_AXES, [place])) >= FEWEST]
    values = together.by_scene(PARETO_AXES, enough)
    return dict(zip(enough, front_probabilities(values), strict=True)) if len(values) >= FEWEST else {}


def _order(one: RankedEntry, main: Sequence[Column]) -> tuple[object, ...]:
    """Ranked ones first, the surest of the front before others, then by the mean of their ranks."""
    ranks = [one.ranks[metric.label].rank for metric in main if metric.label in one.ranks]
    mean = float(np.mean(ranks)) if ranks else math.inf
    return (
        bool(one.why),
        one.why == "a control",
        -(one.front_probability or 0.0),
        math.inf if math.isnan(mean) else mean,
    )
