"""Rows in the order of a source, brought into the order of buckets without holding them all.

They are made narrow on the way: in files names become codes, as ids are numbers already. Numbers
are parted and sorted several times as fast, and a rating takes a third of the bytes.
"""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import polars as pl
import pyarrow as pa

from pipeline.buckets import HELD, NUM_DIGITS, Bucket, buckets
from pipeline.codes import Codes
from stages import ids

NUM_FILES = 64  # of each table
WIDTH = 16**NUM_DIGITS // NUM_FILES
Frames = dict[str, pl.DataFrame]


@dataclass(frozen=True)
class Parts:
    """A chunk's rows, parted by table and by the file where their prompts belong.

    num_rows: of each table;  empty: each table without rows
    """

    rows: dict[tuple[str, int], pl.DataFrame]
    num_rows: dict[str, int]
    empty: Frames


def parted(frames: Frames) -> Parts:
    """Part a chunk's rows, whose ids are numbers; those of a prompt keep their order."""
    rows: dict[tuple[str, int], pl.DataFrame] = {}
    for table, frame in frames.items():
        of_file = frame.with_columns(part=_number() // WIDTH)
        parts = of_file.partition_by("part", as_dict=True, include_key=False)
        rows |= {(table, int(at)): part for (at,), part in parts.items()}
    num_rows = {table: frame.height for table, frame in frames.items()}
    return Parts(rows, num_rows, {table: frame.clear() for table, frame in frames.items()})


class Spill:
    """Tables that grow chunk by chunk: held in memory while they are few, then in files.

    Every table has the column prompt_id; a file holds one table's rows of a range of prompt_id, in
    the order in which they came; its ids are numbers.
    """

    def __init__(self, folder: Path, sized_by: str) -> None:
        self.folder, self.sized_by = folder, sized_by
        self.num_rows = 0
        self.held: defaultdict[tuple[str, int], list[pl.DataFrame]] = defaultdict(list)
        self.empty: Frames = {}
        self.codes = Codes()
        self.files: dict[tuple[str, int], Any] = {}
        self.stack = ExitStack()
        self.wide = True  # each bucket is made of whole files

    def __enter__(self) -> "Spill":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stack.close()

    def add(self, chunk: Parts) -> None:
        """Take in the next chunk."""
        self.num_rows += chunk.num_rows[self.sized_by]
        self.empty = chunk.empty
        for place, rows in chunk.rows.items():
            self.held[place].append(rows)
        if self.num_rows > HELD:
            for (table, at), parts in self.held.items():
                self._append(table, at, self.codes.coded(pl.concat(parts)).to_arrow())
            self.held.clear()

    def buckets(self) -> list[Bucket]:
        """Divide what came in; nothing may be added after."""
        self.stack.close()
        into = buckets(self.num_rows)
        self.wide = len(into) <= NUM_FILES
        return into

    def take(self, bucket: Bucket, table: str) -> pl.DataFrame:
        """Give one bucket's rows of a table, each prompt's in the order in which they came."""
        met = (at for at in range(NUM_FILES) if bucket.meets(at * WIDTH, (at + 1) * WIDTH - 1))
        rows = self._read(table, met) if self.files else self._held(table, met)
        return (rows if self.wide else rows.filter(_within(bucket))).rechunk()

    def _held(self, table: str, met: Iterable[int]) -> pl.DataFrame:
        """Put together what is held of a table."""
        parts = (rows for at in met for rows in self.held.get((table, at), ()))
        return pl.concat([self.empty[table], *parts])

    def _read(self, table: str, met: Iterable[int]) -> pl.DataFrame:
        """Read a table's files."""
        empty = self.empty[table]
        files = [pl.scan_ipc(self._path(table, at)) for at in met if (table, at) in self.files]
        rows = pl.concat([self.codes.coded(empty).lazy(), *files])
        return self.codes.named(rows.collect(), empty.schema)

    def _append(self, table: str, at: int, rows: pa.Table) -> None:
        """Append rows to one file, opened at its first rows."""
        if (table, at) not in self.files:
            writer = pa.ipc.new_file(self._path(table, at), rows.schema)
            self.files[table, at] = self.stack.enter_context(writer)
        self.files[table, at].write_table(rows)

    def _path(self, table: str, at: int) -> Path:
        """Name one of a table's files."""
        return self.folder / f"{table}.{at}.arrow"


def _number() -> pl.Expr:
    """Give the number that a prompt_id's first digits spell."""
    return pl.col("prompt_id") // pl.lit(16 ** (ids.NUM_DIGITS - NUM_DIGITS), pl.UInt64)


def _within(bucket: Bucket) -> pl.Expr:
    """Say whether a row's prompt is in a bucket."""
    low, high = (int(edge or "0", 16) for edge in (bucket.low, bucket.high))
    return _number() >= low if bucket.high is None else _number().is_between(low, high - 1)
