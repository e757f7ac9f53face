"""The time left of a stage: from what was done so far, each kind of work by itself."""

from __future__ import annotations

import pytest

from bench.run.forecast import Forecast, WorkItem, WorkLeft

USUAL = {("m", "begin"): 5.0, ("m", "end"): 5.0, ("m", "draw"): 1.0}


def cohort_of_four() -> WorkLeft:
    """Four scenes whose fits are begun together, five pictures each."""
    begin = WorkItem("m", {"begin": 4.0}, units=4, counted=False)
    units = {name: WorkItem("m", {"end": 1.0, "draw": 5.0}, after="begin") for name in "abcd"}
    return WorkLeft({"begin": begin, **units}, Forecast(USUAL))  # type: ignore[arg-type]


def test_nothing_is_told_before_anything_was_measured() -> None:
    left = cohort_of_four()
    assert left.seconds_left(1) is None
    assert left.share == 0
    assert left.cost("begin") == 20
    assert left.cost("a") == 10


def test_a_part_of_the_common_fit_tells_of_the_rest() -> None:
    left = cohort_of_four()
    left.work("begin", {"begin": 1.0}, 10.0)  # a quarter of it: the fits of four scenes take 40 seconds to begin
    assert left.share == pytest.approx(5 / 60)
    assert left.seconds_left(1) == pytest.approx(30 + 4 * (10 + 5 * 2))


def test_each_kind_takes_what_was_measured_of_it() -> None:
    left = cohort_of_four()
    left.work("begin", {"begin": 4.0}, 40.0)
    left.end("begin")
    left.work("a", {"end": 1.0}, 30.0)  # usually as long as the beginning, here three times
    left.work("a", {"draw": 5.0}, 5.0)
    left.end("a")
    assert left.seconds_left(1) == pytest.approx(3 * (30 + 5))
    assert left.share == pytest.approx(75 / (40 + 4 * 35))


def test_workers_share_what_is_left_but_no_chain_is_shortened() -> None:
    left = cohort_of_four()
    left.work("begin", {"begin": 2.0}, 20.0)
    assert left.seconds_left(2) == pytest.approx((20 + 4 * 20) / 2)
    assert left.seconds_left(100) == pytest.approx(20 + 20), "the rest of the beginning, then one unit"


def test_a_time_that_tells_nothing_counts_the_work_alone() -> None:
    left = cohort_of_four()
    left.work("begin", {"begin": 1.0}, None)
    assert left.seconds_left(1) is None
    assert left.share == pytest.approx(5 / 60)


def test_a_job_that_failed_has_nothing_left() -> None:
    left = cohort_of_four()
    left.work("begin", {"begin": 4.0}, 40.0)
    for key in ("begin", "a", "b", "c"):
        left.end(key)
    assert left.seconds_left(1) == pytest.approx(10 + 5 * 2)
    left.end("d")
    assert left.share == 1
