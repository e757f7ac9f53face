import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.stats.intervals import BOOTSTRAP, STUDENT, describe_rule, expanded, mean_interval

few = st.lists(st.floats(-1, 1), min_size=4, max_size=29)


@pytest.mark.parametrize(
    ("n", "method"), [(0, None), (3, None), (4, STUDENT), (29, STUDENT), (30, BOOTSTRAP), (50, BOOTSTRAP)]
)
def test_rule_depends_on_the_number_of_scenes(n: int, method: str | None) -> None:
    interval = mean_interval(np.linspace(0, 1, n))
    assert (interval.method if interval else None) == method
    assert interval is None or interval.n == n


def test_student_t_by_hand() -> None:
    # mean 3, standard deviation sqrt(2.5), n 5, t(4, .975) = 2.776445
    interval = mean_interval([1, 2, 3, 4, 5])
    assert interval is not None
    half = 2.776445105 * math.sqrt(2.5) / math.sqrt(5)
    assert (interval.low, interval.high) == pytest.approx((3 - half, 3 + half))
    assert interval.level == 0.95


def test_bca_is_scipys_at_the_expanded_level() -> None:
    values = np.sort(np.random.default_rng(3).exponential(size=40))
    interval = mean_interval(values, seed=7)
    assert interval is not None
    rng, level = np.random.default_rng(7), expanded(0.95, 40)
    found = stats.bootstrap((values,), np.mean, n_resamples=9999, confidence_level=level, method="BCa", rng=rng)
    expected = (found.confidence_interval.low, found.confidence_interval.high)
    assert (interval.low, interval.high) == pytest.approx(expected, rel=1e-12)
    assert interval.level == 0.95
    # A right-skewed sample: BCa reaches further up than down.
    assert interval.high - values.mean() > values.mean() - interval.low


def test_the_expanded_level_makes_up_for_what_a_bootstrap_lacks() -> None:
    # Hesterberg 2015: of n = 50 normal values a bootstrap's normal quantile must be sqrt(50 / 49) t(49, .975).
    assert stats.norm.ppf((1 + expanded(0.95, 50)) / 2) == pytest.approx(math.sqrt(50 / 49) * 2.009575, abs=1e-5)
    assert expanded(0.95, 1_000_000) == pytest.approx(0.95, abs=1e-5)


def test_bca_same_seed_same_interval_in_any_order() -> None:
    values = np.random.default_rng(0).normal(size=33)
    shuffled = np.random.default_rng(1).permutation(values)
    assert mean_interval(values) == mean_interval(shuffled)
    assert mean_interval(values, seed=1) != mean_interval(values, seed=2)


@pytest.mark.parametrize("n", [4, 29, 30, 60])
def test_equal_values_give_a_degenerate_interval(n: int) -> None:
    interval = mean_interval([0.5] * n)
    assert interval is not None
    assert (interval.low, interval.high) == (0.5, 0.5)


@pytest.mark.parametrize("n", [30, 31, 80])
def test_one_scene_that_differs_still_has_a_finite_bca_interval(n: int) -> None:
    interval = mean_interval([1.0] * (n - 1) + [0.0])
    assert interval is not None
    assert 0 <= interval.low < interval.high <= 1


def test_limits_cut_the_interval() -> None:
    interval = mean_interval([1.0, 1.0, 1.0, 0.6], limits=(0, 1))
    assert interval is not None
    assert interval.high == 1
    assert interval.low < 0.9


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        mean_interval([1.0, math.nan, 2.0, 3.0])


@given(few)
def test_student_interval_contains_the_mean_and_ignores_order(values: list[float]) -> None:
    interval = mean_interval(values)
    assert interval is not None
    assert interval.low <= np.mean(values) + 1e-12
    assert interval.high >= np.mean(values) - 1e-12
    assert mean_interval(values[::-1]) == interval


@settings(max_examples=20)
@given(st.lists(st.floats(-1, 1), min_size=30, max_size=40))
def test_bca_interval_is_finite_and_within_the_data(values: list[float]) -> None:
    interval = mean_interval(values)
    assert interval is not None
    assert min(values) <= interval.low <= interval.high <= max(values)


@pytest.mark.parametrize("n", [5, 29, 30, 41])
@pytest.mark.parametrize("shift", [0.0, 0.3, -0.3])
@pytest.mark.parametrize("round_to", [1, 17])
def test_negated_values_have_the_negated_interval(n: int, shift: float, round_to: int) -> None:
    """To the last bit, also where values are few and alike."""
    values = np.round(np.random.default_rng(n).gamma(2.0, size=n) + shift, round_to)
    values[n // 2 :] -= 3.0
    for seed in range(3):
        interval, negated = mean_interval(values, seed=seed), mean_interval(-values, seed=seed)
        assert interval is not None
        assert negated is not None
        assert (negated.low, negated.high) == (-interval.high, -interval.low)


@pytest.mark.parametrize("half", [[1, 2, 5] * 2, [1, 2, 5] * 12, [1] * 40], ids=["few", "many", "alike"])
@pytest.mark.parametrize("even", [True, False])
def test_values_with_mean_zero_have_an_interval_that_turns_with_them(half: list[int], even: bool) -> None:
    values = np.array([*half, *([-one for one in half] if even else [-sum(half)])])
    interval, negated = mean_interval(values), mean_interval(-values)
    assert interval is not None
    assert negated is not None
    assert (negated.low, negated.high) == (-interval.high, -interval.low)
    assert interval.low < 0 < interval.high
    if even:
        assert interval.high == -interval.low


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=33))
def test_negation_turns_every_interval(values: list[float]) -> None:
    interval, negated = mean_interval(values, (-0.5, 0.25)), mean_interval([-one for one in values], (-0.25, 0.5))
    assert interval is not None
    assert negated is not None
    assert (negated.low, negated.high) == (-interval.high, -interval.low)


def test_student_interval_covers_at_its_level() -> None:
    rng = np.random.default_rng(0)
    intervals = [mean_interval(rng.normal(size=6)) for _ in range(1000)]
    misses = np.mean([not interval.low <= 0 <= interval.high for interval in intervals if interval])
    # Binomial: 5 % of 1,000 with standard deviation .7 %.
    assert 0.02 < misses < 0.08


def test_rule_in_words() -> None:
    assert describe_rule([6, 6]) == "Student t over scenes"
    assert describe_rule([2]) == "no interval (fewer than 4 scenes)"
    assert describe_rule([50]) == "BCa bootstrap over scenes"
