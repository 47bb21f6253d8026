"""Parquet files in row groups that end where buckets end, so that a bucket is read by itself.

They are for the next stage, not for sending around: snappy is four times as fast as zstd on texts,
and files are twice as large.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from rather.tables.name_codes import name_columns
from rather.tables.parquet_writer import Add

ROW_GROUP = 200_000  # rows, at most
OPTIONS: dict[str, Any] = {"compression": "snappy", "store_schema": False}


@contextmanager
def bucket_writer(path: Path, schema: pl.Schema, mark: Mapping[str, str]) -> Iterator[Add]:
    """Give a function that appends a bucket's rows to a file, which is whole when this is left.

    Rows are written while the caller makes more, one frame waiting at most; what goes wrong is
    raised at the next frame or at the end.
    """
    columns = _arrow(pl.DataFrame(schema=schema)).schema
    options = OPTIONS | {
        "use_dictionary": name_columns(schema),
        "write_statistics": _sorted_by(schema),
    }
    with (  # the thread ends before the file that it writes to is closed
        pq.ParquetWriter(path, columns, **options) as file,
        ThreadPoolExecutor(max_workers=1) as thread,
    ):
        waiting: deque[Future[None]] = deque()

        def append(rows: pl.DataFrame) -> None:
            size = ceil(rows.height / ceil(rows.height / ROW_GROUP))
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
    """Name the column by whose limits row groups are passed over."""
    return ["prompt_id"] if "prompt_id" in schema else []


def _arrow(rows: pl.DataFrame) -> pa.Table:
    """Give rows to Arrow, flat texts as they are: Arrow writes no views in lists."""
    flat, nested = pl.CompatLevel.newest(), pl.CompatLevel.oldest()
    return pa.table(
        {
            column.name: column.to_arrow(compat_level=nested if column.dtype.is_nested() else flat)
            for column in rows
        }
    )
