import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from bench.stats.power import detectable_ratio, power, sample_size, scenes_needed


def test_no_difference_is_found_as_often_as_alpha_says() -> None:
    assert power(0.0, 40) == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize("ratio", [0.5, 0.8])
def test_ranks_need_about_a_twentieth_more_scenes_than_t(ratio: float) -> None:
    # The asymptotic relative efficiency of Wilcoxon's test for normal differences is 3 / pi = .955.
    expected = TTestPower().solve_power(effect_size=ratio, power=0.8, alpha=0.05) * math.pi / 3
    assert scenes_needed(ratio) == pytest.approx(expected, rel=0.08)


def test_more_scenes_show_smaller_differences() -> None:
    ratios = [detectable_ratio(n) for n in (8, 16, 32)]
    assert ratios == sorted(ratios, reverse=True)
    assert power(ratios[1], 16) == pytest.approx(0.8, abs=0.03)


def test_few_scenes_cannot_show_anything() -> None:
    # Wilcoxon's least p is 2 / 2^n: 1 / 16 for five scenes.
    assert math.isnan(detectable_ratio(5))
    assert not math.isnan(detectable_ratio(6))


def test_a_sample_size_is_in_the_metrics_own_unit() -> None:
    """20 differences of -.05 and .05: a standard deviation of .05 sqrt(20 / 19); ranks against t as above."""
    told = sample_size("identity-similarity", ("a", "b"), np.tile([-0.05, 0.05], 10), 0.02, alpha=0.05)
    assert (told.metric, told.first, told.second, told.n) == ("identity-similarity", "a", "b", 20)
    assert told.spread == pytest.approx(0.0512989)
    by_t = TTestPower().solve_power(effect_size=0.02 / 0.0512989, power=0.8, alpha=0.05)
    assert told.scenes == pytest.approx(by_t * math.pi / 3, rel=0.08)
    least = TTestPower().solve_power(nobs=20 * 3 / math.pi, power=0.8, alpha=0.05)
    assert told.detectable == pytest.approx(0.0512989 * least, rel=0.08)
    tenfold = sample_size("m", ("a", "b"), np.tile([-0.5, 0.5], 10), 0.2, alpha=0.05)
    assert (tenfold.scenes, tenfold.detectable) == (told.scenes, pytest.approx(10 * told.detectable))


def test_what_is_unknown_is_not_invented() -> None:
    few = sample_size("m", ("a", "b"), np.array([0.1, 0.2, 0.3]), 0.02, 0.05)
    assert (few.scenes, math.isnan(few.spread), math.isnan(few.detectable)) == (None, True, True)
    for difference in (0.0, 0.1):
        equal = sample_size("m", ("a", "b"), np.full(9, difference), 0.02, 0.05)
        assert (equal.scenes, equal.spread) == (None, 0)
    assert sample_size("m", ("a", "b"), np.arange(9.0), 0.02, 0.05).scenes is None, "more than 1,000"


def test_a_spread_that_is_next_to_nothing_is_soon_worked_out() -> None:
    """At 1e10 deviations simulated draws would tie, and tied ranks take minutes."""
    alternating = 0.1 + 1e-12 * (np.arange(8.0) % 2)
    assert sample_size("m", ("a", "b"), alternating, 0.02, 0.05).scenes == 6


@pytest.mark.parametrize("ratio", [0.2, 0.4])
def test_beyond_fifty_scenes_the_approximation_is_what_a_simulation_of_scipys_test_gives(ratio: float) -> None:
    n, alpha = 80, 0.01
    differences = np.random.default_rng(1).normal(ratio, 1.0, (4_000, n))
    simulated = (stats.wilcoxon(differences, axis=1).pvalue < alpha).mean()
    assert power(ratio, n, alpha) == pytest.approx(simulated, abs=4 * math.sqrt(0.25 / 4_000))
    assert power(0.0, n, alpha) == pytest.approx(alpha, abs=1e-3)
