"""Tests from means and spreads, against the tests of values that have these means and spreads."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.stats.audit.choices import check_sum, least_whole
from bench.stats.audit.moments import (
    Group,
    feasible,
    kruskal_wallis_from_moments,
    least_count,
    log10_range_tail,
    most_even,
    tukey_from_moments,
)
from bench.stats.audit.ranks import friedman_statistic, nemenyi
from bench.stats.audit.tables import Printed
from bench.stats.independent import log10_chi2_tail

RNG = np.random.default_rng(0)
VALUES = [RNG.normal(mean, deviation, size=n) for mean, deviation, n in ((0.5, 1, 20), (1.1, 1.2, 25), (0.4, 0.8, 30))]


def exactly(values: np.ndarray) -> Group:
    return Group(Printed(float(values.mean()), 0.0), Printed(float(values.std(ddof=1)), 0.0), len(values))


def test_tukey_from_moments_is_tukey_of_the_values() -> None:
    expected = stats.tukey_hsd(*VALUES).pvalue
    groups = [exactly(values) for values in VALUES]
    for pair in ((0, 1), (0, 2), (1, 2)):
        found = tukey_from_moments(groups, pair)
        assert 10**found.log10 == pytest.approx(expected[pair], rel=1e-6)
        assert found.low == found.log10 == found.high


def test_rounding_widens_what_can_be() -> None:
    groups = [Group(Printed(0.5, 0.05), Printed(1.0, 0.05), 40), Group(Printed(1.0, 0.05), Printed(1.0, 0.05), 40)]
    found = tukey_from_moments(groups, (0, 1))
    apart = [Group(Printed(0.45, 0), Printed(0.95, 0), 40), Group(Printed(1.05, 0), Printed(0.95, 0), 40)]
    assert found.low == pytest.approx(tukey_from_moments(apart, (0, 1)).log10)
    assert found.low < found.log10 < found.high


@pytest.mark.parametrize("scale", [(1, 5), (1, 7)])
def test_the_most_even_ratings_have_the_moments(scale: tuple[int, int]) -> None:
    chances = most_even(2.69, 1.3, scale)
    ratings = np.arange(scale[0], scale[1] + 1)
    assert chances.sum() == pytest.approx(1)
    assert chances @ ratings == pytest.approx(2.69, abs=1e-3)
    assert chances @ (ratings - 2.69) ** 2 == pytest.approx(1.69, abs=1e-3)


def test_kruskal_wallis_from_moments_is_about_that_of_such_ratings() -> None:
    rng = np.random.default_rng(1)
    groups, samples = [], []
    for mean, deviation in ((2.7, 1.3), (3.9, 1.0), (3.5, 1.2)):
        samples.append(rng.choice(np.arange(1, 6), size=2_000, p=most_even(mean, deviation, (1, 5))))
        groups.append(exactly(samples[-1]))
    expected = stats.chi2.logsf(stats.kruskal(*samples).statistic, 2) / math.log(10)
    assert kruskal_wallis_from_moments(groups, (1, 5)).log10 == pytest.approx(expected, rel=0.02)


def test_without_a_scale_values_stand_for_their_ranks() -> None:
    groups = [exactly(values) for values in VALUES]
    pooled = np.concatenate(VALUES)
    between = sum(len(v) * (v.mean() - pooled.mean()) ** 2 for v in VALUES)
    expected = stats.chi2.logsf((len(pooled) - 1) * between / ((pooled - pooled.mean()) ** 2).sum(), 2) / math.log(10)
    assert kruskal_wallis_from_moments(groups, None).log10 == pytest.approx(expected, rel=0.05)


def test_the_least_count_just_suffices() -> None:
    def groups(n: int) -> list[Group]:
        return [Group(Printed(mean, 0), Printed(1.2, 0), n) for mean in (2.5, 3.0, 3.5)]

    n = least_count(groups(100), (1, 5), -50)
    assert n is not None
    assert kruskal_wallis_from_moments(groups(n), (1, 5)).log10 <= -50
    assert kruskal_wallis_from_moments(groups(n - 1), (1, 5)).log10 > -50


@pytest.mark.parametrize("p", [0.85, 0.98, 1.0])
@pytest.mark.parametrize("methods", [2, 3, 200])
def test_a_large_p_needs_few_values(p: float, methods: int) -> None:
    groups = [Group(Printed(0.8 + 0.02 * (k % 2), 0), Printed(0.13, 0), 50) for k in range(methods)]
    n = least_count(groups, None, math.log10(p))
    assert n is not None
    enough = [Group(group.mean, group.deviation, n) for group in groups]
    assert kruskal_wallis_from_moments(enough, None).log10 <= math.log10(p)


@pytest.mark.parametrize(("mean", "deviations", "scale"), [(0.81, (0.12, 0.14), None), (3.0, (1.1, 1.2), (1, 5))])
def test_no_number_of_values_tells_equal_means_apart(
    mean: float, deviations: tuple[float, float], scale: tuple[int, int] | None
) -> None:
    groups = [Group(Printed(mean, 0.005), Printed(deviation, 0.005), 50) for deviation in deviations]
    assert least_count(groups, scale, math.log10(0.05)) is None


def test_means_without_any_spread_differ_if_at_all() -> None:
    groups = [Group(Printed(mean, 0), Printed(0, 0), 50) for mean in (0.81, 0.81, 0.62)]
    assert tukey_from_moments(groups, (0, 1)).log10 == 0
    assert tukey_from_moments(groups, (0, 2)).log10 == -math.inf
    assert kruskal_wallis_from_moments([groups[0]] * 3, None).log10 == 0


def test_rounding_can_part_means_that_are_printed_alike() -> None:
    groups = [Group(Printed(0.81, 0.005), Printed(0.12, 0.005), 19_200)] * 2
    derived = kruskal_wallis_from_moments(groups, None)
    assert derived.log10 == derived.high == 0.0
    # half a digit to either side: .805 and .815, .0833 of a deviation of .12 apart
    share = 0.005**2 / (0.115**2 + 0.005**2)
    assert derived.low == pytest.approx(log10_chi2_tail((2 * 19_200 - 1) * share, 1), rel=1e-6)


def test_rounding_brings_means_together_but_not_past_each_other() -> None:
    groups = [Group(Printed(mean, 0.05), Printed(1.0, 0.05), 100) for mean in (0.5, 0.52)]
    assert kruskal_wallis_from_moments(groups, None).high == 0.0


def test_a_deviation_printed_as_zero_is_not_below_it() -> None:
    groups = [Group(Printed(mean, 0.005), Printed(0.0, 0.005), 3) for mean in (0.81, 0.82)]
    found = tukey_from_moments(groups, (0, 1))
    assert found.low == found.log10 == -math.inf
    assert found.high == 0
    apart = [Group(Printed(mean, 0), Printed(0.0, 0.005), 3) for mean in (0.81, 0.82)]
    assert kruskal_wallis_from_moments(apart, None).low == kruskal_wallis_from_moments(apart, None).log10
    assert feasible(Printed(5.0, 0.005), Printed(0.0, 0.5), (1, 5))


def test_ratings_cannot_spread_more_than_their_scale() -> None:
    assert feasible(Printed(3.0, 0), Printed(2.0, 0), (1, 5))
    assert not feasible(Printed(3.0, 0), Printed(2.1, 0), (1, 5))
    assert not feasible(Printed(4.9, 0), Printed(0.9, 0), (1, 5))
    assert not feasible(Printed(5.2, 0.05), Printed(0.1, 0), (1, 5))


def test_tails_of_the_range_below_what_is_known_are_minus_infinity() -> None:
    assert log10_range_tail(3.0, 5, 1_000) == pytest.approx(math.log10(stats.studentized_range.sf(3, 5, 1_000)))
    assert log10_range_tail(40.0, 5, 1_000) == -math.inf


def test_friedman_from_mean_ranks_is_friedmans() -> None:
    ranks = np.array([RNG.permutation(4) + 1.0 for _ in range(25)])
    expected = stats.friedmanchisquare(*ranks.T).statistic
    assert friedman_statistic(list(ranks.mean(axis=0)), 25) == pytest.approx(expected)


def test_nemenyis_critical_difference() -> None:
    # Demsar 2006, section 3.2.2: four methods on 14 data sets differ at .05 from a gap of 1.25 on.
    at = nemenyi(Printed(2.0, 0), Printed(3.25, 0), 4, 14)
    assert 10**at.log10 == pytest.approx(0.05, abs=0.002)


@given(st.lists(st.integers(0, 60), min_size=3, max_size=3).filter(lambda counts: sum(counts) > 0))
def test_percentages_of_whole_answers_are_recognised(counts: list[int]) -> None:
    n = sum(counts)
    shares = [Printed(round(100 * count / n, 2), 0.005) for count in counts]
    found = least_whole(shares, n)
    assert found is not None
    assert sum(found) == n
    assert check_sum("row", shares, 100).verdict == "holds"


def test_percentages_that_no_whole_answers_give() -> None:
    assert least_whole([Printed(10.92, 0.005), Printed(17.29, 0.005), Printed(71.80, 0.005)], 660) is None


def test_a_sum_that_rounding_does_not_explain() -> None:
    parts = [Printed(30.0, 0.05), Printed(30.0, 0.05), Printed(39.0, 0.05)]
    assert check_sum("row", parts, 100).verdict == "cannot follow"
