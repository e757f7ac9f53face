"""Results computed ahead by threads, in order and bounded, while the consumer uses earlier ones."""

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
    """Yield the results in the items' order; at most `most` are started and not yet consumed at any time.

    Nothing starts before the first result is requested. What `work` raises is raised in place of its result; then,
    and when the generator is closed, the remaining items are cancelled.
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
