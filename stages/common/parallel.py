"""Parallel work on a sequence, with results in order."""

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
# Parameters of glibc's mallopt, in bytes: arrays from this size are mapped on their own (at most
# 32 MiB), and free memory beyond this size returns to the system.
KEPT = {-3: 32 << 20, -1: 512 << 20}


def prefetch(work: Callable[[T], R], things: Iterable[T]) -> Generator[R, None, None]:
    """Yield `work` of each thing, in order, while threads work on the next ones.

    This serves work in polars and numpy, which release the GIL. At most as many results wait as
    there are threads, one more than cores. An error is raised in its result's place.
    Closing the generator waits for the threads: if the loop over it may fail, wrap it in
    `contextlib.closing`, as a traceback keeps an unfinished generator alive.
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
    """Keep freed memory in the process, if the C library has mallopt.

    Without it, requests for the same pages took 5% of a run.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        for parameter, value in KEPT.items():
            mallopt(parameter, value)
