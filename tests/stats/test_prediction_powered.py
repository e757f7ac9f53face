"""Prediction-powered means, against ppi-python 0.2.3 where every picture is a scene of its own."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from bench.stats.prediction_powered import powered_mean

SEEN, UNSEEN = np.arange(12), np.arange(30)
ANSWERS = np.round(3 + np.sin(SEEN) + 0.1 * SEEN, 3)
METRIC = np.round(0.5 + 0.2 * np.sin(SEEN + 0.3) + 0.02 * SEEN, 3)
MORE = np.round(0.5 + 0.25 * np.cos(UNSEEN) + 0.01 * UNSEEN, 3)
OWN, OTHERS = pd.Series([f"l{i}" for i in SEEN]), pd.Series([f"u{j}" for j in UNSEEN])
FACTOR = math.sqrt(12 / 11)
"""That of few clusters, which ppi-python, for large samples, has not."""
REFERENCE = (3.6367826784769046, 0.14434836874718263)
"""ppi-python's estimate and standard error with its own weight."""


@pytest.mark.parametrize(
    ("weight", "value", "error"),
    [(1.0, 3.61075, 0.16512880851861622), (0.0, 3.584166666666667, 0.19785754672565894)],
)
def test_without_clusters_it_is_that_of_ppi_python(weight: float, value: float, error: float) -> None:
    found = powered_mean(ANSWERS, METRIC, OWN, MORE, OTHERS, weight=weight)
    assert found.value == pytest.approx(value, rel=1e-12)
    assert found.error == pytest.approx(error * FACTOR, rel=1e-12)


def test_the_weight_is_that_of_ppi_python() -> None:
    """With the metric on a scale ten times as large, so that ppi-python does not clip the weight at 1."""
    found = powered_mean(ANSWERS, 10 * METRIC, OWN, 10 * MORE, OTHERS)
    assert found.value == pytest.approx(REFERENCE[0], rel=1e-9)
    assert found.error == pytest.approx(REFERENCE[1] * FACTOR, rel=1e-9)
    assert powered_mean(ANSWERS, METRIC, OWN, MORE, OTHERS).weight == pytest.approx(10 * found.weight)


def test_a_metric_that_says_nothing_changes_nothing() -> None:
    found = powered_mean(ANSWERS, np.ones(12), OWN, np.ones(30), OTHERS)
    assert (found.value, found.weight) == (pytest.approx(ANSWERS.mean()), 0.0)
    assert found.error == pytest.approx(ANSWERS.std(ddof=1) / math.sqrt(12))


def test_pictures_of_a_scene_that_say_the_same_count_once() -> None:
    """Each picture four times, in one scene: the error is that of the scenes, not smaller."""
    once = powered_mean(ANSWERS, METRIC, OWN, MORE, OTHERS, weight=0.7)
    answers, metric, more = (np.repeat(values, 4) for values in (ANSWERS, METRIC, MORE))
    four = powered_mean(answers, metric, OWN.repeat(4), more, OTHERS.repeat(4), weight=0.7)
    assert (four.value, four.error) == (pytest.approx(once.value), pytest.approx(once.error))


def test_the_interval_covers_where_pictures_share_scenes() -> None:
    """300 studies of 8 scenes with 3 answers each, beside 9 more pictures of the same scenes; the true mean is 0."""
    rng = np.random.default_rng(1)
    hit = 0
    for _ in range(300):
        level = rng.normal(0, 1, 8)
        scenes = pd.Series(np.repeat(np.arange(8), 12).astype(str))
        metric = np.repeat(level, 12) + rng.normal(0, 0.5, 96)
        answers = metric + rng.normal(0, 0.5, 96)
        seen = np.tile(np.arange(12) < 3, 8)
        found = powered_mean(answers[seen], metric[seen], scenes[seen], metric[~seen], scenes[~seen])
        assert found.interval is not None
        hit += found.interval.low <= 0 <= found.interval.high
    assert 0.90 < hit / 300 < 0.985


def test_few_scenes_have_no_interval() -> None:
    three = pd.Series(np.repeat(["a", "b", "c"], 4))
    assert powered_mean(ANSWERS, METRIC, three, MORE, OTHERS).interval is None
    assert math.isnan(powered_mean(ANSWERS, METRIC, pd.Series(["a"] * 12), MORE, OTHERS).error)
    with pytest.raises(ValueError, match="at least 2 and 1"):
        powered_mean(ANSWERS[:1], METRIC[:1], OWN[:1], MORE, OTHERS)
