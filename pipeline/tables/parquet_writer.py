"""Parquet files written in the background: for users, and in buckets for the next stage.

A file of buckets has row groups that end at bucket bounds, so that a bucket is read alone. Snappy
compresses its texts four times as fast as zstd, to files twice as large.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from math import ceil
from pathlib import Path
from queue import Full, Queue
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from polars.io.plugins import register_io_source

from rather.tables.name_codes import name_columns

# zstd's level 1 is twice as fast as the default and a twentieth larger
COMPRESSION: dict[str, Any] = {"compression": "zstd", "compression_level": 1}
ROW_GROUP = 100_000
BUCKET_ROWS = 200_000  # of a row group in a file of buckets, at most
BUCKET_OPTIONS: dict[str, Any] = {"compression": "snappy", "store_schema": False}
SECONDS = 0.1  # between checks whether the writer is alive
Add = Callable[[pl.DataFrame], None]


@contextmanager
def parquet_writer(path: Path, schema: pl.Schema) -> Iterator[Add]:
    """Return a function that appends rows; the file is complete on exit.

    A thread writes while the caller makes more rows; at most one frame waits. Its errors are raised
    at the next frame or at the end. The bytes do not depend on the division into frames.
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


@contextmanager
def bucket_writer(path: Path, schema: pl.Schema, mark: Mapping[str, str]) -> Iterator[Add]:
    """Return a function that appends a bucket's rows; the file is complete on exit.

    A thread writes while the caller makes more rows; at most one frame waits. Its errors are raised
    at the next frame or at the end.
    """
    columns = _arrow(pl.DataFrame(schema=schema)).schema
    options = BUCKET_OPTIONS | {
        "use_dictionary": name_columns(schema),
        "write_statistics": _sorted_by(schema),
    }
    with (  # the thread ends before the file that it writes to is closed
        pq.ParquetWriter(path, columns, **options) as file,
        ThreadPoolExecutor(max_workers=1) as thread,
    ):
        waiting: deque[Future[None]] = deque()

        def append(rows: pl.DataFrame) -> None:
            size = ceil(rows.height / ceil(rows.height / BUCKET_ROWS))
            file.write_table(_arrow(rows), row_group_size=size)

        def add(rows: pl.DataFrame) -> None:
            if rows.height:
                waiting.append(thread.submit(append, rows))
            if len(waiting) > 1:
                waiting.popleft().result()

        yield add
        while waiting:
            waiting.popleft().result()
        file.add_key_value_metadata(dict(mark))


def _sorted_by(schema: pl.Schema) -> list[str]:
    """List the columns whose statistics let readers skip row groups."""
    return ["prompt_id"] if "prompt_id" in schema else []


def _arrow(rows: pl.DataFrame) -> pa.Table:
    """Convert to Arrow; nested strings need compat_level=oldest."""
    flat, nested = pl.CompatLevel.newest(), pl.CompatLevel.oldest()
    return pa.table(
        {
            column.name: column.to_arrow(compat_level=nested if column.dtype.is_nested() else flat)
            for column in rows
        }
    )
