"""What all exams share: rates, means and held-out scenes."""

from __future__ import annotations

import pytest

from bench.playroom.evaluate.common import HitRate, describe_mean, held_out, watched
from bench.playroom.world.toys import COLOURS


def test_rate_has_wilsons_interval() -> None:
    # Newcombe 1998: the score interval of 8 of 10 is .4902 to .9433.
    told = HitRate.of([True] * 8 + [False] * 2).describe()
    assert told == {"rate": 0.8, "low": 0.4902, "high": 0.9433, "n": 10}


def test_mean_has_students_interval_below_30_scenes() -> None:
    # Mean 2.5, standard error sqrt(5/3)/2 = .6455, t(.975, 3) = 3.1824: half width 2.0543.
    told = describe_mean([1, 2, 3, 4], (-10, 10))
    assert told == {"value": 2.5, "low": 0.4457, "high": 4.5543, "n": 4, "method": "Student t over scenes"}


def test_mean_of_few_scenes_has_no_interval() -> None:
    assert describe_mean([0.1, 0.3]) == {"value": 0.2, "n": 2}


def test_held_out_scenes_are_the_same_each_time_and_have_the_asked_looks() -> None:
    one, two = list(held_out(12, "unseen")), list(held_out(12, "unseen"))
    assert [scene for scene, _ in one] == [scene for scene, _ in two]
    named = [toy.identity.first in COLOURS for scene, _ in one for toy in scene.toys]
    assert named
    assert not any(named)


def test_watched_items_come_in_order_and_errors_pass_through() -> None:
    assert list(watched(range(4), "counting")) == [0, 1, 2, 3]
    with pytest.raises(ZeroDivisionError):
        [1 // number for number in watched(range(2), "dividing")]
