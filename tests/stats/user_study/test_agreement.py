import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from bench.stats.user_study.agreement import agreement_of_raters, alpha, correlate, peoples_scores
from bench.stats.user_study.answers import Answers

Study = Callable[..., Answers]
N = math.nan
# Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), section C: four observers, twelve units.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
        [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
    ]
)


def test_krippendorffs_own_example() -> None:
    # The paper gives .743 for nominal and .815 for ordinal data.
    assert alpha(OBSERVERS, "nominal") == pytest.approx(0.743, abs=5e-4)
    assert alpha(OBSERVERS, "ordinal") == pytest.approx(0.815, abs=5e-4)


def test_alpha_needs_two_raters_and_two_values() -> None:
    assert math.isnan(alpha(np.array([[1.0, 2.0, N], [N, N, 3.0]]), "ordinal"))
    assert math.isnan(alpha(np.full((3, 4), 2.0), "ordinal"))


@pytest.mark.parametrize("kind", ["ratings", "choices", "rankings"])
def test_raters_who_feel_alike_agree(study: Study, kind: str) -> None:
    alike, apart = (agreement_of_raters(study(kind, raters=6, items=8, spread=s)) for s in (0.05, 3.0))
    assert alike.value > 0.8
    assert apart.value < 0.3
    assert apart.interval is not None
    assert apart.interval.low < apart.value < apart.interval.high
    assert alike.level == ("nominal" if kind == "choices" else "ordinal")


def test_one_rater_agrees_with_nobody(study: Study) -> None:
    lonely = agreement_of_raters(study("ratings", raters=1))
    assert math.isnan(lonely.value)
    assert "no item has two raters" in lonely.reason


def test_correlations_are_scipys() -> None:
    rng = np.random.default_rng(0)
    scores, clusters = rng.normal(size=24), np.repeat([f"s{k}" for k in range(8)], 3)
    people = np.round(scores + rng.normal(size=24), 1)
    found = correlate("m", scores, people, clusters)
    assert found.kendall == pytest.approx(stats.kendalltau(scores, people).statistic)
    assert found.spearman == pytest.approx(stats.spearmanr(scores, people).statistic)
    assert (found.n, found.clusters) == (24, 8)
    assert found.spearman_interval is not None
    assert found.spearman_interval.low < found.spearman < found.spearman_interval.high


def test_a_metric_without_variation_has_no_correlation() -> None:
    found = correlate("m", np.ones(6), np.arange(6.0), np.arange(6).astype(np.str_))
    assert math.isnan(found.kendall)
    assert found.kendall_interval is None
    assert math.isnan(correlate("m", np.empty(0), np.empty(0), np.empty(0, np.str_)).spearman)


@pytest.mark.parametrize("kind", ["ratings", "choices", "rankings"])
def test_people_like_the_better_method(study: Study, kind: str) -> None:
    scores = peoples_scores(study(kind, raters=10), "item").groupby("method")["people"].mean()
    assert list(scores.sort_values().index) == ["ti-m", "em", "ours"]


def test_scores_of_people_in_the_units_of_the_study(study: Study) -> None:
    rated, ranked = (study(kind) for kind in ("ratings", "rankings"))
    one = peoples_scores(rated, "item").set_index(["method", "item"])["people"]
    mine = rated.frame[(rated.frame["method"] == "em") & (rated.frame["item"] == "i2")]["rating"]
    assert one["em", "i2"] == pytest.approx(mine.mean())
    places = peoples_scores(ranked, "item")["people"]
    assert places.between(-3, -1).all()
    shares = peoples_scores(study("choices"), "item")["people"]
    assert shares.between(-1, 1).all()
    assert shares.sum() == pytest.approx(0, abs=1e-9), "what one gains, another loses"
