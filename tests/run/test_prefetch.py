"""Work ahead of its consumer: in order, bounded, and gone with it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.run.prefetch import prefetch


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers()), st.integers(1, 9), st.integers(1, 4))
def test_the_results_are_those_of_a_plain_loop_in_its_order(items: list[int], most: int, workers: int) -> None:
    assert list(prefetch(lambda item: item * 2, items, most, workers)) == [item * 2 for item in items]


@pytest.mark.parametrize("most", [1, 3, 8])
def test_no_more_than_the_bound_is_begun_and_not_taken(most: int) -> None:
    begun: list[int] = []
    for taken, _ in enumerate(prefetch(begun.append, range(40), most, workers=4)):
        time.sleep(0.001)
        assert len(begun) <= taken + most


def test_work_goes_on_while_the_consumer_is_busy() -> None:
    """The second piece is done before it is asked for."""
    done = [threading.Event() for _ in range(3)]
    results = prefetch(lambda number: done[number].set(), range(3), most=3)
    next(results)
    assert done[1].wait(60)
    results.close()


def test_an_error_comes_where_its_result_is_due() -> None:
    results = prefetch(lambda item: 1 // item, [1, 1, 0, 1], most=4)
    assert next(results) == next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_a_closed_one_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    results = prefetch(lambda item: item, range(1000), most=4, workers=2)
    next(results)
    assert set(threading.enumerate()) > before
    results.close()
    assert set(threading.enumerate()) <= before


def test_what_has_not_begun_when_it_is_closed_never_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """One worker stands at a gate with the second piece, and two more wait behind it; closing opens the gate."""
    gate = threading.Event()
    begun: list[int] = []

    class Gated(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            gate.set()
            super().shutdown(wait=wait)

    def work(item: int) -> None:
        begun.append(item)
        assert item == 0 or gate.wait(60)

    monkeypatch.setattr("bench.run.prefetch.ThreadPoolExecutor", Gated)
    results = prefetch(work, range(1000), most=4, workers=1)
    next(results)
    results.close()
    assert begun in ([0], [0, 1])


def test_nothing_is_begun_before_the_first_is_asked_for() -> None:
    begun: list[int] = []
    results = prefetch(begun.append, range(5), most=5)
    assert not begun
    results.close()
