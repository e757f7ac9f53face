import math
from collections.abc import Callable

import choix
import numpy as np
import pytest
from scipy import stats

from bench.stats.user_study.answers import Answers
from bench.stats.user_study.rankings import plackett_luce, study_rankings

Study = Callable[..., Answers]


def test_mean_ranks_sum_to_what_they_must_and_friedman_is_by_item(study: Study) -> None:
    answers = study("rankings")
    result = study_rankings(answers)
    assert sum(mean for mean, _ in result.mean_ranks) == pytest.approx(6)
    wide = answers.frame.pivot_table(index="item", columns="method", values="rank")
    assert result.tests[0].overall.p == pytest.approx(stats.friedmanchisquare(*wide.to_numpy().T).pvalue)
    ours = answers.methods.index("ours")
    assert result.mean_ranks[ours][0] == pytest.approx(wide["ours"].mean())
    interval = result.mean_ranks[ours][1]
    assert interval is not None
    assert interval.low >= 1


def test_two_methods_have_a_closed_form() -> None:
    strengths = plackett_luce([(0, 1)] * 9 + [(1, 0)] * 4, 2)
    assert strengths[0] - strengths[1] == pytest.approx(math.log(9 / 4), abs=1e-6)


def test_two_algorithms_agree() -> None:
    rng = np.random.default_rng(0)
    orders = [
        tuple(int(k) for k in np.argsort(-(np.array([0.5, 0.2, 0, -0.7]) + rng.gumbel(size=4)))) for _ in range(60)
    ]
    expected = choix.mm_rankings(4, orders)
    assert plackett_luce(orders, 4) == pytest.approx(expected - expected.mean(), abs=1e-4)


def test_who_is_always_first_has_no_bound() -> None:
    assert np.isnan(plackett_luce([(0, 1, 2), (0, 2, 1)], 3)).all()


def test_strengths_have_an_order_and_intervals(study: Study) -> None:
    result = study_rankings(study("rankings", raters=8, items=8, spread=1.5))
    values = {each.method: each for each in result.strengths}
    assert values["ours"].value > values["em"].value > values["ti-m"].value
    assert all(each.interval and each.interval.low < each.value < each.interval.high for each in result.strengths)


def test_unbounded_strengths_say_so(study: Study) -> None:
    result = study_rankings(study("rankings", spread=0.01))
    assert all(math.isnan(each.value) and "no bound" in each.reason for each in result.strengths)
