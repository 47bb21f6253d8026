"""Process items in threads, with results in the order of the items."""

import ctypes
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

MOST = 4  # threads: each holds what it works on, and polars has threads of its own
# Parameters of glibc's mallopt, and values: bytes of an array that is asked of the system by
# itself, at most 32 MiB, and bytes of freed memory from which on some is given back.
KEPT = {-3: 32 << 20, -1: 512 << 20}


def prefetch(work: Callable[[T], R], things: Iterable[T]) -> Generator[R, None, None]:
    """Yield the result of each item in order, while later items are processed.

    For work whose time goes into polars and numpy, which let other threads run. No more results
    wait than there are threads, one more than cores. An error of the work is raised at its place.
    Closing the generator waits for the threads: where the loop over it may fail, wrap it in
    `contextlib.closing`, since a traceback keeps an unfinished generator alive.
    """
    _keep_freed()
    num_threads = min((os.cpu_count() or 1) + 1, MOST)  # one of them often waits for another
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(num_threads) as threads:
        try:
            for thing in things:
                waiting.append(threads.submit(work, thing))
                if len(waiting) > num_threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@cache
def _keep_freed() -> None:
    """Make glibc keep freed arrays for the next item.

    Requesting the same pages from the system again took 5% of a run.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        for parameter, value in KEPT.items():
            mallopt(parameter, value)
