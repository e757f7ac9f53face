"""How often tests and intervals are wrong where methods do not differ, on data clustered by scene.

Run by `nox -s simulations`, which writes the measured rates into bench/stats/README.md.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np
from scipy import stats

from bench.core.files import write_bytes
from bench.core.progress import progress_bar
from bench.stats.front import hypervolume
from bench.stats.mixed import mixed_model
from bench.stats.scene_means import Floats
from bench.stats.simulation import batch
from bench.stats.simulation.batch import Bools
from bench.stats.user_study.choices import binomial

Law = Literal["normal", "skewed"]
LAWS: tuple[Law, ...] = ("normal", "skewed")
SIZES = (6, 10, 20, 50)
SIMULATIONS = 2_000
HELD_AT = 50
"""Scenes at which the rates must hold."""
ALPHA = 0.05
METHODS = tuple("abcd")
PAIRS = tuple(combinations(range(len(METHODS)), 2))
PICTURES = 24
MEAN, SCENE, METHOD_ON_SCENE, PICTURE = 0.5, 0.05, 0.02, 0.04
"""The mean; standard deviations of scenes, of what a method makes of a scene, and of pictures: as cosines spread."""
ANSWERS = 6
BLOCK = 100
BEGIN, END = "<!-- rates -->", "<!-- end of rates -->"

Probe = Callable[[Floats], Mapping[str, Bools]]
"""From tables float [tables, scenes, methods, pictures, 2 metrics] without differences to checks: True where wrong."""


@dataclass(frozen=True)
class RejectionRate:
    """How often one check was wrong in `simulations` tables of so many scenes."""

    check: str
    law: Law
    scenes: int
    simulations: int
    rate: float


def draw(law: Law, scenes: int, tables: int, block: int) -> Floats:
    """Tables without any difference between methods, float [tables, scenes, methods, pictures, 2 metrics].

    A picture's value is a scene's effect, the method's on this scene, and noise. `skewed`: both effects follow a
    centred gamma law of shape 4 (skewness 1). Every `block` holds other tables.
    """
    rng = np.random.default_rng([LAWS.index(law), scenes, block])

    def effects(*shape: int) -> Floats:
        return rng.normal(size=shape) if law == "normal" else (rng.gamma(4.0, size=shape) - 4.0) / 2.0

    by_scene = SCENE * effects(tables, scenes, 1, 1, 2)
    by_method = METHOD_ON_SCENE * effects(tables, scenes, len(METHODS), 1, 2)
    return MEAN + by_scene + by_method + PICTURE * rng.normal(size=(tables, scenes, len(METHODS), PICTURES, 2))


def bound(simulations: int) -> float:
    """The greatest rate that a test of level 5 % gives by chance: the one-sided 99 % bound of the binomial law."""
    return float(stats.binom.ppf(0.99, simulations, ALPHA)) / simulations


def paired(values: Floats) -> Mapping[str, Bools]:
    """Tests and intervals of paired scene means. Holm rejects any pair where the least p is below alpha over pairs."""
    means = _means(values)
    differences = [means[..., i] - means[..., j] for i, j in PAIRS]
    p = np.stack([batch.signed_ranks(difference) for difference in differences])
    return {
        "Friedman, 4 methods": batch.friedman(means) < ALPHA,
        "Wilcoxon, 2 methods": p[0] < ALPHA,
        "Wilcoxon with Holm, any of 6 pairs": p.min(axis=0) < ALPHA / len(PAIRS),
        "interval of a mean": batch.misses(batch.mean_ends(means[..., 0]), MEAN),
        "interval of a paired difference": batch.misses(batch.mean_ends(differences[0]), 0.0),
    }


def mixed(values: Floats) -> Mapping[str, Bools]:
    """The mixed model of whole scenes."""
    overall, least = batch.repeated_measures(_means(values))
    return {
        "mixed model, F": overall < ALPHA,
        "mixed model, t with Holm, any of 6 pairs": least < ALPHA / len(PAIRS),
    }


def mixed_with_holes(values: Floats) -> Mapping[str, Bools]:
    """The mixed model where a third of the scenes lacks a method each, fitted one by one.

    That takes long, so of the sizes at which the rates need not hold only every tenth table is taken.
    """
    means = _means(values if values.shape[1] == HELD_AT else values[::10])
    third = np.arange(0, means.shape[1], 3)
    means[:, third, third % len(METHODS)] = np.nan
    logs = [mixed_model(METHODS, table).overall.log10_p for table in means]
    return {"mixed model, F, scenes with holes": np.array([p is not None and p < math.log10(ALPHA) for p in logs])}


def effects(values: Floats) -> Mapping[str, Bools]:
    """Intervals of effect sizes."""
    first, second, *_ = np.moveaxis(_means(values), 2, 0)
    better = batch.win_shares(values[:, :, 0, :, 0], values[:, :, 1, :, 0])
    return {
        "interval of a probability of improvement": batch.misses(batch.mean_ends(better), 0.5),
        "interval of Cliff's delta": batch.misses(batch.cliffs_ends(first, second), 0.0),
    }


def front(values: Floats) -> Mapping[str, Bools]:
    """Dominance where it is hardest (one metric equal, far ahead in the other), and hypervolumes.

    The hypervolume of all is hardest where methods are equal, so that noise alone makes a front.
    """
    means = values.mean(axis=3)
    ahead = batch.signed_ranks(means[:, :, 0, 0] - means[:, :, 1, 0], "greater")
    return {
        # Two ordered pairs are tested, of which the other has p near 1: Holm doubles this one.
        "dominance, one metric equal": 2 * ahead < ALPHA,
        "interval of the hypervolume, 4 equal methods": batch.misses(_volume_ends(means), MEAN**2),
        "interval of one method's hypervolume": batch.misses(_volume_ends(means[:, :, :1]), MEAN**2),
    }


def agreement(values: Floats) -> Mapping[str, Bools]:
    """Correlations of two metrics that know nothing of each other; results of one scene go together in each."""
    scores, people = np.moveaxis(values.mean(axis=3), 3, 0)
    return {
        "interval of Kendall's tau": batch.misses(batch.kendall_ends(scores, people), 0.0),
        "interval of Spearman's rho": batch.misses(batch.spearman_ends(scores, people), 0.0),
    }


def choices(values: Floats) -> Mapping[str, Bools]:
    """Forced choice between two methods by item. Of two methods Davidson's log strength is log(wins / losses) / 2."""
    wins, losses = _answers(values)
    totals = [each.sum(axis=1, keepdims=True) for each in (wins, losses)]
    # Where one method is never chosen there is no bound on its strength, and no interval (NaN).
    with np.errstate(divide="ignore", invalid="ignore"):
        strength = np.log(totals[0] / totals[1])[:, 0] / 2
        without = np.log((totals[0] - wins) / (totals[1] - losses)) / 2
        ends = batch.jackknife_ends(strength, without)
    return {
        "interval of a preference in forced choice": batch.misses(batch.mean_ends((wins - losses) / ANSWERS), 0.0),
        "interval of a Bradley-Terry strength": batch.misses(ends, 0.0),
    }


def pictures(values: Floats) -> Mapping[str, Bools]:
    """Tests as papers make them: pictures and answers of one scene taken for independent."""
    groups = np.moveaxis(values[..., 0], 2, 1).reshape(len(values), len(METHODS), -1)
    wins, losses = (each.sum(axis=1).astype(int) for each in _answers(values))
    decided = [binomial(int(won), int(lost)) for won, lost in zip(wins, losses, strict=True)]
    return {
        "Kruskal-Wallis over pictures": np.asarray(stats.kruskal(*np.moveaxis(groups, 1, 0), axis=1).pvalue) < ALPHA,
        "Tukey over pictures, any of 6 pairs": _tukey(groups),
        "exact binomial test over answers": np.array([p is not None and p < ALPHA for p in decided]),
    }


BY_SCENE: tuple[Probe, ...] = (paired, mixed, mixed_with_holes, effects, front, agreement, choices)
"""What must hold."""
BY_PICTURE: tuple[Probe, ...] = (pictures,)
"""What must not be relied on, and is shown not to hold."""


def measure(simulations: int, sizes: tuple[int, ...] = SIZES) -> list[RejectionRate]:
    """The rate of every check at every size under both laws; the same on every call."""
    starts = range(0, simulations, BLOCK)
    blocks: list[tuple[Law, int, int]] = [(law, n, start) for n in sizes for law in LAWS for start in starts]
    counts: Counter[tuple[str, Law, int]] = Counter()
    tables: Counter[tuple[str, Law, int]] = Counter()
    with progress_bar("null simulations", sum(scenes for _, scenes, _ in blocks)) as progress:
        for law, scenes, start in blocks:
            progress.say(f"null simulations, {scenes} scenes, {law}")
            values = draw(law, scenes, min(BLOCK, simulations - start), start)
            for probe in (*BY_SCENE, *BY_PICTURE):
                for check, wrong in probe(values).items():
                    counts[check, law, scenes] += int(wrong.sum())
                    tables[check, law, scenes] += len(wrong)
            progress.advance(scenes)
    return [RejectionRate(*key, tables[key], wrong / tables[key]) for key, wrong in counts.items()]


def markdown(rates: list[RejectionRate]) -> str:
    """The rates as a table, in percent; those that the bound does not allow are bold."""
    n = max(rate.simulations for rate in rates)
    found = {(rate.check, rate.law, rate.scenes): rate for rate in rates}
    columns = sorted({(LAWS.index(rate.law), rate.scenes) for rate in rates})
    heads = [f"{LAWS[law]}, {scenes}" for law, scenes in columns]
    lines = [f"| wrong in % of {n:,} simulations; scenes: | {' | '.join(heads)} |", "|---|" + "--:|" * len(heads)]
    for check in dict.fromkeys(rate.check for rate in rates):
        cells = [_cell(found[check, LAWS[law], scenes]) for law, scenes in columns]
        lines.append(f"| {check} | {' | '.join(cells)} |")
    return "\n".join(lines)


def failures(rates: list[RejectionRate]) -> list[str]:
    """What does not hold: checks by scene above the bound at 50 scenes, checks by picture that are not above it."""
    trusted = trusted_checks()
    return [
        f"{rate.check} ({rate.law}): {rate.rate:.2%} at {rate.scenes} scenes"
        for rate in rates
        if rate.scenes == HELD_AT and (rate.rate > bound(rate.simulations)) == (rate.check in trusted)
    ]


@cache
def trusted_checks() -> frozenset[str]:
    """The names of the checks that must hold."""
    tables = draw("normal", min(SIZES), 1, 0)
    return frozenset(check for probe in BY_SCENE for check in probe(tables))


def main() -> None:
    """Measure, print, write the table between its marks in the README, and fail if something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=SIMULATIONS)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "README.md")
    options = parser.parse_args()
    rates = measure(options.simulations)
    table = markdown(rates)
    print(table)
    before, _, rest = options.out.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    write_bytes(options.out, f"{before}{BEGIN}\n{table}\n{END}{after}".encode())
    if failed := failures(rates):
        raise SystemExit("does not hold: " + "; ".join(failed))


def _means(values: Floats) -> Floats:
    """Scene means of the first metric, float [tables, scenes, methods]."""
    return np.asarray(values[..., 0].mean(axis=3), dtype=np.float64)


def _answers(values: Floats) -> tuple[Floats, Floats]:
    """How often each of two methods is chosen of 6 answers an item, others being neutral: float [tables, items]."""
    net = values[:, :, 0, :ANSWERS, 0] - values[:, :, 1, :ANSWERS, 0]
    wins, losses = (net > PICTURE / 2).sum(axis=2), (net < -PICTURE / 2).sum(axis=2)
    return wins.astype(np.float64), losses.astype(np.float64)


def _volume_ends(means: Floats) -> batch.Ends:
    """The ends of `hypervolume_interval` of scene means float [tables, scenes, methods, 2]."""
    tables, scenes, methods, metrics = means.shape
    cells = np.moveaxis(means, 1, 3).reshape(-1, scenes)
    low, high = batch.mean_ends(cells, 1 - ALPHA / (methods * metrics))
    corners = (ends.reshape(tables, methods, metrics) for ends in (low, high))
    ends = [np.array([hypervolume(points) for points in corner]) for corner in corners]
    return ends[0], ends[1]


def _tukey(groups: Floats) -> Bools:
    """Whether Tukey's test rejects any pair of float [tables, methods, n]: the range of means against its law."""
    _, methods, n = groups.shape
    error = np.sqrt(groups.var(axis=2, ddof=1).mean(axis=1) / n)
    quantile = float(stats.studentized_range.ppf(1 - ALPHA, methods, methods * (n - 1)))
    return np.asarray(np.ptp(groups.mean(axis=2), axis=1) / error > quantile)


def _cell(rate: RejectionRate) -> str:
    text = f"{100 * rate.rate:.1f}"
    return f"**{text}**" if rate.rate > bound(rate.simulations) else text


if __name__ == "__main__":
    main()
