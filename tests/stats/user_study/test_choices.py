import math
from collections.abc import Callable
from dataclasses import replace

import choix
import numpy as np
import pytest
from scipy import stats

from bench.stats.user_study.answers import Answers
from bench.stats.user_study.choices import binomial, count_by_cluster, davidson, study_choices

Study = Callable[..., Answers]


def test_counts_and_exact_binomial(study: Study) -> None:
    answers = study("choices")
    contest = study_choices(answers).contests[0]
    frame = answers.frame[(answers.frame["first"] == "ours") & (answers.frame["second"] == "ti-m")]
    counts = frame["choice"].value_counts()
    assert (contest.first, contest.second) == ("ours", "ti-m")
    assert (contest.wins, contest.neutral, contest.losses) == tuple(
        counts.get(name, 0) for name in ("ours", "neutral", "ti-m")
    )
    decided = contest.wins + contest.losses
    assert contest.decided.p == pytest.approx(stats.binomtest(contest.wins, decided).pvalue)
    assert contest.decided.n == decided


def test_binomial_by_hand() -> None:
    # Nine of ten: 2 (1 + 10) / 2^10.
    assert binomial(9, 1) == pytest.approx(22 / 1024)
    assert binomial(0, 0) is None


def test_a_preference_is_the_mean_over_items(study: Study) -> None:
    answers = study("choices")
    contests = {(each.first, each.second): each.preference for each in study_choices(answers).contests}
    frame = answers.frame[(answers.frame["first"] == "em") & (answers.frame["second"] == "ours")]
    net = (frame["choice"] == "ours").astype(float) - (frame["choice"] == "em").astype(float)
    assert contests["ours", "em"].effect == pytest.approx(net.groupby(frame["item"]).mean().mean())
    assert contests["ours", "em"].n == 6
    assert "Holm" in contests["ours", "em"].test


def test_two_methods_have_a_closed_form() -> None:
    # Davidson 1970: the ratio of strengths is that of wins, nu is ties over the geometric mean of wins.
    wins, ties = np.array([[0.0, 12.0], [5.0, 0.0]]), np.array([[0.0, 8.0], [8.0, 0.0]])
    strengths, nu = davidson(wins, ties)
    assert strengths[0] - strengths[1] == pytest.approx(math.log(12 / 5), abs=1e-5)
    assert nu == pytest.approx(8 / math.sqrt(60), abs=1e-5)


def test_without_ties_it_is_bradley_and_terrys_model() -> None:
    wins = np.array([[0, 7, 9, 4], [3, 0, 6, 5], [2, 4, 0, 6], [5, 2, 3, 0]], float)
    expected = choix.ilsr_pairwise_dense(wins)
    strengths, nu = davidson(wins, np.zeros((4, 4)))
    assert strengths == pytest.approx(expected - expected.mean(), abs=1e-5)
    assert nu == 0


def test_with_ties_the_fit_reproduces_expected_scores() -> None:
    # The likelihood equations: each method's wins and half its ties are as expected, and so is the number of ties.
    wins = np.array([[0, 7, 9], [3, 0, 6], [2, 4, 0]], float)
    ties = np.array([[0, 4, 1], [4, 0, 5], [1, 5, 0]], float)
    theta, nu = davidson(wins, ties)
    power = np.exp(theta)
    tie = nu * np.sqrt(power[:, None] * power[None, :])
    total = power[:, None] + power[None, :] + tie
    asked = wins + wins.T + ties
    assert (asked * (power[:, None] + tie / 2) / total).sum(axis=1) == pytest.approx(
        (wins + ties / 2).sum(axis=1), abs=1e-3
    )
    assert (asked * tie / total).sum() == pytest.approx(ties.sum(), abs=1e-3)


def test_who_never_lost_has_no_bound() -> None:
    strengths, _ = davidson(np.array([[0.0, 5.0], [0.0, 0.0]]), np.zeros((2, 2)))
    assert np.isnan(strengths).all()
    # Ties alone bound nothing: the more neutral people are, the less a tie says.
    ties = np.array([[0.0, 8.0], [8.0, 0.0]])
    assert np.isnan(davidson(np.array([[0.0, 16.0], [0.0, 0.0]]), ties)[0]).all()


def test_ties_bound_who_never_lost_once_others_show_how_neutral_people_are() -> None:
    wins = np.array([[0, 9, 9], [0, 0, 4], [0, 4, 0]], float)
    ties = np.array([[0, 3, 0], [3, 0, 2], [0, 2, 0]], float)
    strengths, nu = davidson(wins, ties)
    assert np.isfinite(strengths).all()
    assert strengths[0] > 1 > nu > 0
    assert davidson(wins * 3, ties * 3)[0] == pytest.approx(strengths, abs=1e-3)


def test_strengths_have_an_order_and_intervals(study: Study) -> None:
    result = study_choices(study("choices", raters=8, items=8, spread=1.2))
    values = {each.method: each for each in result.strengths}
    assert values["ours"].value > values["em"].value > values["ti-m"].value
    assert sum(each.value for each in result.strengths) == pytest.approx(0, abs=1e-9)
    assert all(each.interval and each.interval.low < each.value < each.interval.high for each in result.strengths)
    assert result.neutrality > 0


def test_unbounded_strengths_say_so(study: Study) -> None:
    answers = study("choices")
    best = answers.frame["first"].where(answers.frame["first"] == "ours", answers.frame["second"])
    always = best.where((answers.frame["first"] == "ours") | (answers.frame["second"] == "ours"), "em")
    result = study_choices(replace(answers, frame=answers.frame.assign(choice=always)))
    assert all(math.isnan(each.value) and each.reason for each in result.strengths)


def test_ties_count_once_in_both_halves(study: Study) -> None:
    answers = study("choices")
    wins, ties = count_by_cluster(answers)
    assert wins.sum() + ties.sum() / 2 == len(answers.frame)
    assert np.array_equal(ties, np.swapaxes(ties, 1, 2))
