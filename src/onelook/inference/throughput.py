"""Many pictures at once: as many workers as cores, each computing a picture from file to boxes with one thread.

Decoding, resizing and every runtime let other threads of Python go on while they work, so threads are enough; batches gained
nothing on a processor.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 2
"""Results a worker that wait for an earlier one: bounds the pictures that are held."""


def in_order(work: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """Yield `work` of each item in the items' order, `workers` at a time; with one, in the thread that asks.

    At most a few items a worker are taken ahead of what is asked for. What `work` raises comes out at its item's turn.
    """
    if workers <= 1:
        yield from map(work, items)
        return
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers, "onelook") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > _AHEAD * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
