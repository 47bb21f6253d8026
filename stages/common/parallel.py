"""Work on several things at once, the results in their order."""

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
    """Give what the work makes of each thing, in order, while it goes on with the next ones.

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
    """Let what numpy frees serve the next thing, where C's library can be told.

    To ask the system for the same pages again and again took a twentieth of a run.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        for parameter, value in KEPT.items():
            mallopt(parameter, value)
