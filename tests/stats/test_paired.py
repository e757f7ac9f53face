import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from bench.stats.paired import compare_paired

# Hollander and Wolfe, Nonparametric Statistical Methods (1973), p. 29: depression of nine patients, before
# and after a tranquilizer. The one-sided exact p is 5/256 = .0195, the two-sided one 10/256.
BEFORE = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
AFTER = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
# Hollander and Wolfe, p. 140: 22 players round first base in three ways; Friedman's S is 11.14, p .0038.
ROUNDING = np.array(
    [
        [5.40, 5.50, 5.55], [5.85, 5.70, 5.75], [5.20, 5.60, 5.50], [5.55, 5.50, 5.40], [5.90, 5.85, 5.70],
        [5.45, 5.55, 5.60], [5.40, 5.40, 5.35], [5.45, 5.50, 5.35], [5.25, 5.15, 5.00], [5.85, 5.80, 5.70],
        [5.25, 5.20, 5.10], [5.65, 5.55, 5.45], [5.60, 5.35, 5.45], [5.05, 5.00, 4.95], [5.50, 5.50, 5.40],
        [5.45, 5.55, 5.50], [5.55, 5.55, 5.35], [5.45, 5.50, 5.55], [5.50, 5.45, 5.25], [5.65, 5.60, 5.40],
        [5.70, 5.65, 5.55], [6.30, 6.30, 6.25],
    ]
)  # fmt: skip


def test_two_methods_wilcoxon_textbook_example() -> None:
    overall, (pair,) = compare_paired(["before", "after"], np.transpose([BEFORE, AFTER]))
    assert pair.p == pytest.approx(10 / 256)
    assert overall.p == pytest.approx(10 / 256)
    assert pair.effect == pytest.approx(np.mean(BEFORE) - np.mean(AFTER))
    assert (pair.n, pair.unit, overall.n) == (9, "scenes", 9)
    low, high = stats.ttest_rel(BEFORE, AFTER).confidence_interval()
    assert pair.interval is not None
    assert (pair.interval.low, pair.interval.high) == pytest.approx((low, high))


def test_friedman_textbook_example() -> None:
    overall, _ = compare_paired(["round out", "narrow angle", "wide angle"], ROUNDING)
    assert overall.statistic == pytest.approx(11.14, abs=0.005)
    assert overall.p == pytest.approx(0.0038, abs=5e-5)


def test_pairs_are_wilcoxons_with_holms_correction() -> None:
    values = np.random.default_rng(0).normal(loc=[0, 0.5, 2], size=(10, 3))
    _, pairs = compare_paired(["a", "b", "c"], values)
    raw = [stats.wilcoxon(values[:, i] - values[:, j]).pvalue for i, j in ((0, 1), (0, 2), (1, 2))]
    assert [pair.p for pair in pairs] == pytest.approx(multipletests(raw, method="holm")[1])
    assert all("Holm" in pair.test for pair in pairs)


def test_exact_least_p_for_few_scenes() -> None:
    # Six scenes all in favour of one method: 2 / 2^6.
    _, (pair,) = compare_paired(["a", "b"], np.array([[k + 1.0, 0.0] for k in range(6)]))
    assert pair.p == pytest.approx(2 / 64)


@pytest.mark.parametrize("methods", [2, 3])
def test_too_few_scenes_have_a_reason_and_an_effect(methods: int) -> None:
    names = ["a", "b", "c"][:methods]
    overall, pairs = compare_paired(names, np.arange(3.0 * methods).reshape(3, methods))
    assert overall.p is None
    assert overall.p_text == "3 common scenes: no test below 4"
    assert pairs[0].p is None
    assert pairs[0].effect == -1
    assert pairs[0].interval is None


def test_equal_methods_have_a_reason() -> None:
    equal = np.tile(np.arange(5.0)[:, None], (1, 3))
    overall, pairs = compare_paired(["a", "b", "c"], equal)
    assert overall.p is None
    assert "equal on every scene" in overall.reason
    assert {pair.reason for pair in pairs} == {"every scene's difference is zero"}


def test_an_equal_pair_does_not_count_in_holms_correction() -> None:
    column = np.arange(8.0)
    values = np.stack([column, column, column + np.linspace(1, 2, 8)], axis=1)
    _, pairs = compare_paired(["a", "b", "c"], values)
    assert [pair.p for pair in pairs] == [None, pytest.approx(2 * 2 / 256), pytest.approx(2 * 2 / 256)]


def test_one_method_has_a_reason() -> None:
    overall, pairs = compare_paired(["a"], np.ones((9, 1)))
    assert overall.p_text == "one method: nothing to compare"
    assert pairs == ()


def test_means_of_the_same_values_in_another_order_are_equal_to_friedmans_test_too() -> None:
    orders = np.array([(0.1 + 0.2) + 0.3, 0.1 + (0.2 + 0.3), 0.3 + (0.2 + 0.1)]) / 3
    assert np.ptp(orders) > 0
    overall, pairs = compare_paired(["a", "b", "c"], np.array([np.roll(orders, k) for k in (0, 0, 0, 0, 1)]))
    assert overall.p_text == "the methods are equal on every scene"
    assert {pair.reason for pair in pairs} == {"every scene's difference is zero"}


def test_rounding_noise_makes_no_difference() -> None:
    values = np.array([*[[0.1 + 0.2, 0.3]] * 5, *[[0.7, 0.5]] * 6])
    _, (pair,) = compare_paired(["a", "b"], values)
    assert pair.p == pytest.approx(stats.wilcoxon([0.2] * 6).pvalue)
