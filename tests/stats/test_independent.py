import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats
from statsmodels.stats.multicomp import pairwise_tukeyhsd

from bench.stats.independent import kruskal_wallis, log10_chi2_tail, moments, tukey
from bench.stats.results import format_log10, format_p

# Conover, Practical Nonparametric Statistics (1971), section 5.2: four methods of growing corn.
CORN = [
    np.array([83, 91, 94, 89, 89, 96, 91, 92, 90], float),
    np.array([91, 90, 81, 83, 84, 83, 88, 91, 89, 84], float),
    np.array([101, 100, 91, 93, 96, 95, 94], float),
    np.array([78, 82, 81, 77, 79, 81, 80, 81], float),
]
# NIST/SEMATECH e-Handbook of Statistical Methods, section 7.4.7.1: Tukey's method on four groups of five.
NIST = [
    np.array([6.9, 5.4, 5.8, 4.6, 4.0]),
    np.array([8.3, 6.8, 7.8, 9.2, 6.5]),
    np.array([8.0, 10.5, 8.1, 6.9, 9.3]),
    np.array([5.8, 3.8, 6.1, 5.6, 6.2]),
]


def test_kruskal_wallis_textbook_example() -> None:
    # The book gives T = 25.46 without, 25.63 with the correction for ties, and p < .001.
    result = kruskal_wallis(CORN)
    assert result.statistic == pytest.approx(25.63, abs=0.01)
    assert result.p == pytest.approx(stats.kruskal(*CORN).pvalue)
    assert result.n == 7
    assert result.unit == "pictures"


def test_tukey_textbook_example() -> None:
    # The handbook's simultaneous intervals: .29 to 4.47 for groups 2 and 1, 1.13 to 5.31 for 3 and 1,
    # -2.25 to 1.93 for 1 and 4, -2.93 to 1.25 for 2 and 3.
    pairs = {(pair.first, pair.second): pair for pair in tukey(["1", "2", "3", "4"], NIST)}
    expected = {("1", "2"): (-4.47, -0.29), ("1", "3"): (-5.31, -1.13), ("1", "4"): (-2.25, 1.93)}
    expected[("2", "3")] = (-2.93, 1.25)
    for names, bounds in expected.items():
        interval = pairs[names].interval
        assert interval is not None
        assert (interval.low, interval.high) == pytest.approx(bounds, abs=0.01)
    assert pairs["1", "2"].effect == pytest.approx(NIST[0].mean() - NIST[1].mean())


def test_tukey_agrees_with_statsmodels_on_groups_of_different_sizes() -> None:
    names = ["a", "b", "c", "d"]
    labels = np.repeat(names, [len(group) for group in CORN])
    reference = pairwise_tukeyhsd(np.concatenate(CORN), labels)
    pairs = tukey(names, CORN)
    assert [pair.p for pair in pairs] == pytest.approx(reference.pvalues, abs=1e-6)
    assert [-pair.effect for pair in pairs] == pytest.approx(reference.meandiffs)


def test_tukey_reproduces_the_audit_of_break_a_scenes_user_study() -> None:
    # Prompt ratings of Table 4, 1,215 a method: from means and spreads Tukey gives TI-m .97, CD-m 2.1e-5 and
    # ELITE 4.3e-10 against ours, while Table 3 claims < 1e-10, < 1e-7 and < 1e-10.
    table = {"ti-m": (3.88, 1.21), "db-m": (2.37, 1.11), "cd-m": (4.08, 1.12), "elite": (3.53, 1.31)}
    table["ours"] = (3.85, 1.21)
    shape = stats.norm.ppf((np.arange(1215) + 0.5) / 1215)
    shape = (shape - shape.mean()) / shape.std(ddof=1)
    pairs = tukey(list(table), [mean + spread * shape for mean, spread in table.values()])
    p = {pair.first: pair for pair in pairs if pair.second == "ours"}
    assert p["ti-m"].p == pytest.approx(0.97, abs=0.005)
    assert p["cd-m"].p == pytest.approx(2.1e-5, rel=0.05)
    assert p["elite"].p == pytest.approx(4.3e-10, rel=0.05)
    assert p["db-m"].p_text == "< 1e-10"


def test_p_values_that_underflow_have_a_logarithm() -> None:
    groups = [np.arange(2000.0) + 10_000 * k for k in range(3)]
    result = kruskal_wallis(groups)
    assert result.statistic is not None
    assert result.statistic > 1_480
    assert result.p == 0.0
    # With 2 degrees of freedom the tail is exp(-x/2).
    assert result.log10_p == pytest.approx(-result.statistic / 2 / math.log(10), rel=1e-12)
    assert result.p_text.endswith(f"e{math.floor(result.log10_p or 0)}")


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 8, 11])
def test_tail_is_continuous_where_scipy_gives_up(degrees: int) -> None:
    # Just below the limit scipy's own value, far above it the known asymptotics of its neighbours.
    below = log10_chi2_tail(1_400, degrees)
    assert below == pytest.approx(stats.chi2.logsf(1_400, degrees) / math.log(10))
    steps = np.diff([log10_chi2_tail(x, degrees) for x in (1_440, 1_460, 1_480, 1_500, 1_520)])
    assert steps == pytest.approx(steps.mean(), rel=2e-4)


def test_tail_closed_form_for_even_degrees() -> None:
    # Q(3, x) = exp(-x) (1 + x + x^2 / 2), with x half the statistic.
    x = 5_000.0
    assert log10_chi2_tail(2 * x, 6) == pytest.approx((-x + math.log(1 + x + x * x / 2)) / math.log(10), rel=1e-14)


def test_tail_for_one_degree_is_twice_the_normal_tail() -> None:
    expected = (math.log(2) + special.log_ndtr(-100.0)) / math.log(10)
    assert log10_chi2_tail(10_000.0, 1) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("groups", "reason"),
    [
        ([], "one method"),
        ([np.arange(5.0)], "one method"),
        ([np.arange(5.0), np.array([1.0])], "fewer than 2"),
        ([np.ones(5), np.ones(4)], "all values are equal"),
    ],
)
def test_what_cannot_be_tested_has_a_reason(groups: list[np.ndarray], reason: str) -> None:
    result = kruskal_wallis(groups)
    assert result.p is None
    assert reason in result.reason
    assert reason in result.p_text
    for pair in tukey([str(k) for k in range(len(groups))], groups):
        assert pair.p is None
        assert reason in pair.p_text


def test_tukey_without_spread_within_methods_has_a_reason() -> None:
    (pair,) = tukey(["a", "b"], [np.zeros(4), np.ones(4)])
    assert pair.p is None
    assert pair.effect == -1
    assert "one value only" in pair.reason


@given(st.lists(st.integers(0, 9), min_size=3, max_size=20), st.lists(st.integers(0, 9), min_size=3, max_size=20))
def test_order_of_pictures_and_groups_does_not_matter(first: list[int], second: list[int]) -> None:
    a, b = np.array(first, float), np.array(second, float)
    one, other = kruskal_wallis([a, b]), kruskal_wallis([b[::-1], a[::-1]])
    assert one.p == pytest.approx(other.p)


def test_p_values_in_print() -> None:
    assert format_p(0.0321) == "0.032"
    assert format_p(4.3e-5) == "4.3e-05"
    assert format_p(1.0) == "1"
    assert format_log10(-416.68) == "2.1e-417"
    assert format_log10(-213.0) == "1.0e-213"


def test_moments_name_both_spreads() -> None:
    one = moments("ours", "rating", np.array([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]))
    assert (one.n, one.mean, one.variance) == (8, 5, pytest.approx(32 / 7))
    assert one.deviation == pytest.approx(math.sqrt(32 / 7))
    assert math.isnan(moments("ours", "rating", np.array([3.0])).deviation)
    assert math.isnan(moments("ours", "rating", np.empty(0)).mean)
