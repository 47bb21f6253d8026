"""Parquet files to keep, which grow while the next rows are made."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Full, Queue
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

# zstd's level 1 is twice as fast as the default and a twentieth larger
COMPRESSION: dict[str, Any] = {"compression": "zstd", "compression_level": 1}
ROW_GROUP = 100_000
SECONDS = 0.1  # between looks at whether the file can still be written
Add = Callable[[pl.DataFrame], None]


@contextmanager
def parquet_writer(path: Path, schema: pl.Schema) -> Iterator[Add]:
    """Give a function that appends rows to a file, which is whole when the context is left.

    Rows are written while the caller makes more, one frame waiting at most; what goes wrong is
    raised at the next frame or at the end. However the rows are parted, the bytes are the same.
    """
    frames: Queue[pl.DataFrame | None] = Queue(maxsize=1)

    def parts(*asked: object) -> Iterator[pl.DataFrame]:
        while (frame := frames.get()) is not None:
            yield frame

    with ThreadPoolExecutor(max_workers=1) as thread:
        rows = register_io_source(parts, schema=schema)
        options: dict[str, Any] = {"row_group_size": ROW_GROUP, **COMPRESSION}
        done = thread.submit(lambda: rows.sink_parquet(path, **options))

        def add(frame: pl.DataFrame | None) -> None:
            while not done.done():
                with suppress(Full):
                    frames.put(frame, timeout=SECONDS)
                    return
            done.result()

        try:
            yield add
        finally:
            add(None)
        done.result()
