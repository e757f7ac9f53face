import mpmath
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.anova import AnovaRM

from bench.stats.mixed import log10_f_tail, mixed_model

NAMES = ["a", "b", "c"]


def table(scenes: int = 12, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.normal(scale=0.02, size=(scenes, 3))
    return 0.5 + rng.normal(scale=0.1, size=(scenes, 1)) + noise + np.array([0.0, 0.0, 0.03])


def long(values: np.ndarray) -> pd.DataFrame:
    frame = pd.DataFrame(values, columns=NAMES).rename_axis("scene").reset_index()
    return frame.melt("scene", var_name="method", value_name="y").dropna()


def test_without_holes_it_is_the_analysis_of_variance_of_repeated_measures() -> None:
    values = table()
    expected = AnovaRM(long(values), "y", "scene", ["method"]).fit().anova_table
    model = mixed_model(NAMES, values)
    assert model.overall.statistic == pytest.approx(expected["F Value"].iloc[0], rel=1e-4)
    assert model.overall.p == pytest.approx(expected["Pr > F"].iloc[0], rel=1e-3)


def test_pairs_have_the_models_error_and_holms_correction() -> None:
    values = table()
    centred = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    error = np.sqrt(2 * (centred**2).sum() / 22 / 12)
    pairs = mixed_model(NAMES, values).pairs
    raw = [2 * stats.t.sf(abs(pair.effect) / error, 22) for pair in pairs]
    assert [pair.effect for pair in pairs] == pytest.approx(
        [float((values[:, i] - values[:, j]).mean()) for i, j in ((0, 1), (0, 2), (1, 2))]
    )
    assert min(pair.p for pair in pairs if pair.p is not None) == pytest.approx(3 * min(raw), rel=1e-3)
    interval = pairs[0].interval
    assert interval is not None
    assert interval.high - pairs[0].effect == pytest.approx(stats.t.ppf(0.975, 22) * error, rel=1e-3)


def test_without_holes_both_deviations_are_statsmodels_own() -> None:
    values = table(seed=3)
    fitted = smf.mixedlm("y ~ 0 + method", long(100 * values), groups="scene").fit(reml=True)
    model = mixed_model(NAMES, values)
    assert 100 * model.residual_sd == pytest.approx(np.sqrt(fitted.scale), rel=1e-3)
    assert 100 * model.scene_sd == pytest.approx(np.sqrt(fitted.cov_re.iloc[0, 0]), rel=1e-3)


def test_scenes_that_differ_by_less_than_the_rest_have_no_deviation_of_their_own() -> None:
    """Then only the methods' own variance is left, as without scenes."""
    values = table(seed=3)
    values = values - values.mean(axis=1, keepdims=True)
    model = mixed_model(NAMES, values)
    assert model.scene_sd == 0
    assert model.residual_sd**2 == pytest.approx(values.var(axis=0, ddof=1).mean())


def test_with_holes_the_effects_are_statsmodels_own() -> None:
    values = table(20)
    values[[0, 5, 7], [0, 1, 2]] = np.nan
    expected = smf.mixedlm("y ~ C(method)", long(values), groups="scene").fit(reml=True)
    model = mixed_model(NAMES, values)
    effects = {(pair.first, pair.second): pair.effect for pair in model.pairs}
    assert -effects["a", "b"] == pytest.approx(expected.params["C(method)[T.b]"], abs=1e-5)
    assert -effects["a", "c"] == pytest.approx(expected.params["C(method)[T.c]"], abs=1e-5)
    assert model.overall.n == 20


def test_a_method_of_few_scenes_is_left_out_and_voids_no_other() -> None:
    values = table()
    with_weak = np.column_stack([values, [0.1, 0.2, 0.3] + [np.nan] * 9])
    alone, model = mixed_model(NAMES, values), mixed_model([*NAMES, "weak"], with_weak)
    assert model.overall.test == "mixed model, F, without weak"
    assert model.overall.statistic == alone.overall.statistic
    assert [pair for pair in model.pairs if "weak" not in pair.methods] == list(alone.pairs)
    weak = [pair for pair in model.pairs if "weak" in pair.methods]
    assert [pair.methods for pair in weak] == [("a", "weak"), ("b", "weak"), ("c", "weak")]
    assert {pair.p_text for pair in weak} == {"a method has fewer than 4 scenes"}


def test_it_tells_scenes_from_the_rest() -> None:
    model = mixed_model(NAMES, table(300))
    assert model.scene_sd == pytest.approx(0.1, rel=0.15)
    assert model.residual_sd == pytest.approx(0.02, rel=0.1)


def test_scale_and_offset_change_nothing() -> None:
    values = table()
    one, other = mixed_model(NAMES, values), mixed_model(NAMES, 1e-4 * values + 7)
    assert one.overall.statistic == pytest.approx(other.overall.statistic, rel=1e-3)


@pytest.mark.parametrize(
    ("names", "values", "reason"),
    [
        (["a"], np.ones((9, 1)), "one method"),
        (NAMES, np.ones((3, 3)), "no test below 4"),
        (NAMES, np.ones((9, 3)), "explain every value"),
        (NAMES, np.array([[1.0, np.nan, np.nan]] * 9), "fewer than 4 scenes"),
        (NAMES, np.empty((0, 3)), "no test below 4"),
    ],
)
def test_what_cannot_be_fitted_has_a_reason(names: list[str], values: np.ndarray, reason: str) -> None:
    model = mixed_model(names, values)
    assert model.overall.p is None
    assert reason in model.overall.p_text
    assert all(pair.p is None and reason in pair.reason for pair in model.pairs)


@pytest.mark.parametrize(("statistic", "numerator", "denominator"), [(1e3, 3, 147), (1e6, 5, 245), (1e9, 2, 98)])
def test_tail_of_f_against_arbitrary_precision(statistic: float, numerator: int, denominator: int) -> None:
    with mpmath.workdps(60):
        x = mpmath.mpf(denominator) / (denominator + numerator * mpmath.mpf(statistic))
        half = mpmath.mpf(denominator) / 2, mpmath.mpf(numerator) / 2
        expected = mpmath.log10(mpmath.betainc(*half, 0, x, regularized=True))
    assert log10_f_tail(statistic, numerator, denominator) == pytest.approx(float(expected), rel=1e-9)
