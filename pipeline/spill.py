"""Rows in the order of a source, brought into the order of buckets without holding them all.

They are made narrow on the way: ids become the numbers that they spell, and in files names become
codes. Numbers are parted and sorted several times as fast, and a rating takes a third of the bytes.
"""

from contextlib import ExitStack
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


class Spill:
    """Tables that grow chunk by chunk: held in memory while they are few, then in files.

    Every table has the column prompt_id; a file holds one table's rows of a range of prompt_id, in
    the order in which they came. What is taken out has numbers for ids.
    """

    def __init__(self, folder: Path, sized_by: str) -> None:
        self.folder, self.sized_by = folder, sized_by
        self.num_rows = 0
        self.held: list[Frames] = []
        self.parts: dict[tuple[Bucket, str], pl.DataFrame] = {}
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

    def add(self, frames: Frames) -> None:
        """Take in the next chunk."""
        self.num_rows += frames[self.sized_by].height
        numbered = {table: ids.numbered(frame) for table, frame in frames.items()}
        self.held.append(numbered)
        self.empty = {table: frame.clear() for table, frame in numbered.items()}
        if self.num_rows > HELD:
            for chunk in self.held:
                self._write(chunk)
            self.held = []

    def buckets(self) -> list[Bucket]:
        """Divide what came in; nothing may be added after."""
        self.stack.close()
        into = buckets(self.num_rows)
        self.wide = len(into) <= NUM_FILES
        if self.held:
            self.parts = self._parted(into)
            self.held = []
        return into

    def take(self, bucket: Bucket, table: str) -> pl.DataFrame:
        """Give one bucket's rows of a table, each prompt's in the order in which they came."""
        empty = self.empty[table]
        if not self.files:
            return self.parts.get((bucket, table), empty)
        met = (at for at in range(NUM_FILES) if bucket.meets(at * WIDTH, (at + 1) * WIDTH - 1))
        files = [pl.scan_ipc(self._path(table, at)) for at in met if (table, at) in self.files]
        rows = pl.concat([self.codes.coded(empty).lazy(), *files])
        held = rows if self.wide else rows.filter(_within(bucket))
        return self.codes.named(held.collect().rechunk(), empty.schema)

    def _parted(self, into: list[Bucket]) -> dict[tuple[Bucket, str], pl.DataFrame]:
        """Part what is held into the buckets."""
        parts, number = {}, _number() // (16**NUM_DIGITS // len(into))
        for table in self.empty:
            rows = pl.concat([frames.pop(table) for frames in self.held])
            if len(into) == 1:
                parts[into[0], table] = rows
                continue
            numbered = rows.with_columns(part=number)
            of = numbered.partition_by("part", as_dict=True, include_key=False)
            parts |= {(into[int(at)], table): frame for (at,), frame in of.items()}
        return parts

    def _write(self, frames: Frames) -> None:
        """Append a chunk's rows to the files."""
        for table, frame in frames.items():
            numbered = self.codes.coded(frame).with_columns(part=_number() // WIDTH)
            parts = numbered.partition_by("part", as_dict=True, include_key=False)
            for (at,), rows in parts.items():
                self._append(table, int(at), rows.to_arrow())

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
