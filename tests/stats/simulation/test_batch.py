"""Every batched formula gives what the function it stands for gives."""

import numpy as np
import pytest

from bench.stats.effects import cliffs_delta, win_share
from bench.stats.front import dominance, hypervolume_interval
from bench.stats.independent import tukey
from bench.stats.intervals import Interval, mean_interval
from bench.stats.jackknife import jackknife_interval
from bench.stats.mixed import mixed_model
from bench.stats.paired import compare_paired
from bench.stats.simulation import batch, null_simulation
from bench.stats.user_study.agreement import correlate
from bench.stats.user_study.choices import davidson

NAMES = null_simulation.METHODS


@pytest.fixture(params=[7, 32], ids=["few scenes", "many scenes"])
def tables(request: pytest.FixtureRequest) -> np.ndarray:
    """Three tables, float [tables, scenes, methods, pictures, metrics]."""
    return null_simulation.draw("skewed", request.param, 3, 0)


def same(ends: batch.Ends, intervals: list[Interval | None], rel: float = 1e-9) -> None:
    assert None not in intervals
    expected = [(interval.low, interval.high) for interval in intervals if interval]
    assert np.transpose(ends) == pytest.approx(np.array(expected), rel=rel)


def test_intervals_of_means(tables: np.ndarray) -> None:
    means = tables[..., 0, :, 0].mean(axis=2)
    same(batch.mean_ends(means), [mean_interval(row) for row in means])
    same(batch.mean_ends(means, 0.99), [mean_interval(row, level=0.99) for row in means])
    below = -means
    same(batch.mean_ends(below), [mean_interval(row) for row in below])


def test_paired_tests(tables: np.ndarray) -> None:
    means = tables[..., 0].mean(axis=3)
    compared = [compare_paired(NAMES[:3], table[:, :3]) for table in means]
    assert batch.friedman(means[..., :3]) == pytest.approx([overall.p for overall, _ in compared])
    alone = [compare_paired(NAMES[:2], table[:, :2])[1][0].p for table in means]
    assert batch.signed_ranks(means[..., 0] - means[..., 1]) == pytest.approx(alone)


def test_mixed_model(tables: np.ndarray) -> None:
    means = tables[..., 0].mean(axis=3)
    overall, least = batch.repeated_measures(means)
    models = [mixed_model(NAMES, table) for table in means]
    assert overall == pytest.approx([model.overall.p for model in models], rel=1e-2)
    smallest = [min(pair.p for pair in model.pairs if pair.p is not None) for model in models]
    assert np.minimum(1, 6 * least) == pytest.approx(smallest, rel=1e-2)


def test_effect_sizes(tables: np.ndarray) -> None:
    means = tables[..., 0].mean(axis=3)
    deltas = [cliffs_delta(table[:, 0], table[:, 1])[1] for table in means]
    same(batch.cliffs_ends(means[..., 0], means[..., 1]), deltas)
    shares = batch.win_shares(tables[:, :, 0, :, 0], tables[:, :, 1, :, 0])
    assert shares[1, 2] == pytest.approx(win_share(tables[1, 2, 0, :, 0], tables[1, 2, 1, :, 0]))


def test_correlations(tables: np.ndarray) -> None:
    means = tables.mean(axis=3)
    clusters = np.repeat(np.arange(means.shape[1]).astype(np.str_), means.shape[2])
    found = [correlate("m", table[..., 0].ravel(), table[..., 1].ravel(), clusters) for table in means]
    same(batch.kendall_ends(means[..., 0], means[..., 1]), [each.kendall_interval for each in found])
    same(batch.spearman_ends(means[..., 0], means[..., 1]), [each.spearman_interval for each in found])


def test_front(tables: np.ndarray) -> None:
    means = tables.mean(axis=3)
    same(null_simulation._volume_ends(means), [hypervolume_interval(table).interval for table in means])
    ahead = means[:, :, :2] + np.array([[0.0, 1.0], [0.0, 0.0]])
    expected = [dominance({NAMES[:2]: table})[0].p for table in ahead]
    one_sided = batch.signed_ranks(means[:, :, 0, 0] - means[:, :, 1, 0], "greater")
    assert np.minimum(1, 2 * one_sided) == pytest.approx(expected)


def test_strengths_in_forced_choice(tables: np.ndarray) -> None:
    won, lost = (each[0] for each in null_simulation._answers(tables))
    wins, ties = np.zeros((len(won), 2, 2)), np.zeros((len(won), 2, 2))
    wins[:, 0, 1], wins[:, 1, 0] = won, lost
    ties[:, 0, 1] = ties[:, 1, 0] = null_simulation.ANSWERS - won - lost
    whole = davidson(wins.sum(axis=0), ties.sum(axis=0))[0][0]
    without = [davidson(wins.sum(axis=0) - w, ties.sum(axis=0) - t)[0][0] for w, t in zip(wins, ties, strict=True)]
    totals = won.sum(), lost.sum()
    rest = np.log((totals[0] - won) / (totals[1] - lost)) / 2
    ends = batch.jackknife_ends(np.log([totals[0] / totals[1]]) / 2, rest[None])
    same(ends, [jackknife_interval(float(whole), np.array(without))], rel=1e-3)


def test_tukey(tables: np.ndarray) -> None:
    groups = np.moveaxis(tables[..., 0], 2, 1).reshape(3, 4, -1)
    expected = [any(pair.p is not None and pair.p < 0.05 for pair in tukey(NAMES, list(table))) for table in groups]
    assert null_simulation._tukey(groups).tolist() == expected
