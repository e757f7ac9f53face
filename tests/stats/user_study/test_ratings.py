from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bench.stats.user_study.answers import Answers
from bench.stats.user_study.ratings import RAW, STANDARDISED, standardise, study_ratings

Study = Callable[..., Answers]


def test_over_answers_as_the_paper_tests(study: Study) -> None:
    answers = study("ratings")
    groups = [answers.frame.loc[answers.frame["method"] == name, "rating"] for name in answers.methods]
    result = study_ratings(answers)
    (over_answers,) = [tested for tested in result.tests if tested.unit == "answers"]
    assert over_answers.overall.p == pytest.approx(stats.kruskal(*groups).pvalue)
    assert over_answers.pairs[0].p == pytest.approx(stats.tukey_hsd(*groups).pvalue[0, 1])
    assert [each.mean for each in result.moments] == pytest.approx([group.mean() for group in groups])
    assert [each.deviation for each in result.moments] == pytest.approx([group.std() for group in groups])


def test_by_items_and_by_raters(study: Study) -> None:
    answers = study("ratings")
    result = study_ratings(answers)
    for by, unit in (("item", "items"), ("rater", "raters")):
        wide = answers.frame.pivot_table(index=by, columns="method", values="rating")
        (tested,) = [each for each in result.tests if each.unit == unit and each.scale == RAW]
        assert tested.overall.n == len(wide)
        assert tested.overall.p == pytest.approx(stats.friedmanchisquare(*wide.to_numpy().T).pvalue)
        effects = {(pair.first, pair.second): pair.effect for pair in tested.pairs}
        assert effects["ours", "ti-m"] == pytest.approx((wide["ours"] - wide["ti-m"]).mean())


def test_standardised_ratings_have_mean_0_and_deviation_1_for_each_rater(study: Study) -> None:
    frame = study("ratings").frame
    z = frame.assign(z=standardise(frame)).groupby("rater")["z"]
    assert z.mean().to_numpy() == pytest.approx(np.zeros(5), abs=1e-12)
    assert z.std().to_numpy() == pytest.approx(np.ones(5))


def test_a_raters_own_scale_does_not_matter_once_standardised(study: Study) -> None:
    answers = study("ratings")
    harsh = answers.frame.assign(
        rating=answers.frame["rating"].where(answers.frame["rater"] != "r0", 1 + answers.frame["rating"] / 4)
    )
    one, other = study_ratings(answers), study_ratings(replace(answers, frame=harsh))
    for tested, again in zip(one.tests, other.tests, strict=True):
        if tested.scale == STANDARDISED:
            assert [pair.effect for pair in tested.pairs] == pytest.approx([pair.effect for pair in again.pairs])


def test_a_rater_who_gives_one_rating_only_prefers_nothing(study: Study) -> None:
    frame = study("ratings").frame
    constant = frame.assign(rating=frame["rating"].where(frame["rater"] != "r0", 3.0))
    assert standardise(constant)[constant["rater"] == "r0"].tolist() == [0.0] * 18


def test_wins_are_within_rater_and_item(study: Study) -> None:
    answers = study("ratings", raters=3, items=4)
    wide = answers.frame.pivot_table(index=["item", "rater"], columns="method", values="rating")
    won = (np.sign(wide["ours"] - wide["em"]) + 1) / 2
    (win,) = [each for each in study_ratings(answers).wins if {each.first, each.second} == {"ours", "em"}]
    assert win.value == pytest.approx(won.groupby(level="item").mean().mean())
    assert win.n == 4


def test_a_pair_is_compared_on_the_items_that_have_both(study: Study) -> None:
    """`em` was rated on three of the six items: that voids no test of the others."""
    answers = study("ratings")
    frame = answers.frame
    fewer = frame[(frame["method"] != "em") | frame["item"].isin(["i0", "i1", "i2"])]
    by_item = study_ratings(replace(answers, frame=fewer)).tests[0]
    assert by_item.overall.p_text == "3 common items: no test below 4"
    ns = {pair.methods: pair.n for pair in by_item.pairs}
    assert {n for methods, n in ns.items() if "em" in methods} == {3}
    (pair,) = (pair for pair in by_item.pairs if "em" not in pair.methods)
    wide = frame.pivot_table(index="item", columns="method", values="rating")
    assert pair.n == 6
    assert pair.p == pytest.approx(stats.wilcoxon(wide[pair.first] - wide[pair.second]).pvalue)
