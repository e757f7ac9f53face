"""Work done ahead by threads, in order and bounded, while the consumer is busy with what came before."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

WORKERS = min(8, os.cpu_count() or 1)


def prefetch(
    work: Callable[[Item], Result], items: Iterable[Item], most: int, workers: int = WORKERS
) -> Generator[Result, None, None]:
    """The results in the items' order; at no time are more than `most` begun or finished and not yet taken.

    Nothing begins before the first result is asked for. What `work` raises is raised where its result is due; then,
    and when the generator is closed, what has not begun never does.
    """
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="prefetch")
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
