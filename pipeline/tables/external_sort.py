"""Rows in the order of a source, brought into the order of buckets without holding them all.

They are made narrow on the way: in files names become codes, as ids are numbers already. Numbers
are parted and sorted several times as fast, and a rating takes a third of the bytes.
"""

from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import polars as pl
import pyarrow as pa

from rather.stages.common import ids
from rather.tables.buckets import HELD, NUM_DIGITS, Bucket, buckets
from rather.tables.name_codes import NameCodes

NUM_FILES = 64  # of each table
WIDTH = 16**NUM_DIGITS // NUM_FILES
Frames = dict[str, pl.DataFrame]
Place = tuple[str, int]  # a table, and the number of one of its files


@dataclass(frozen=True)
class Parts:
    """A chunk's rows, parted by table and by the file where their prompts belong.

    held, coded: rows as they are, and those that are ready for the files
    num_rows:    of each table;  empty: each table without rows
    """

    held: dict[Place, pl.DataFrame]
    coded: dict[Place, pa.Table]
    num_rows: dict[str, int]
    empty: Frames


class Spill:
    """Tables that grow chunk by chunk: held in memory while they are few, then in files.

    Every table has the column prompt_id; a file holds one table's rows of a range of prompt_id, in
    the order in which they came; its ids are numbers.
    """

    def __init__(self, folder: Path, sized_by: str) -> None:
        self.folder, self.sized_by = folder, sized_by
        self.num_rows = 0
        self.held: defaultdict[Place, list[pl.DataFrame]] = defaultdict(list)
        self.empty: Frames = {}
        self.codes = NameCodes()
        self.files: dict[Place, Any] = {}
        self.stack = ExitStack()  # left in reverse: the thread ends before its files are closed
        self.writers = self.stack.enter_context(ExitStack())
        self.thread = self.stack.enter_context(ThreadPoolExecutor(max_workers=1))
        self.appended: Future[None] | None = None
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

    @property
    def is_filing(self) -> bool:
        """Whether rows are too many to be held."""
        return self.num_rows > HELD

    def parted(self, frames: Frames) -> Parts:
        """Part a chunk's rows; those of a prompt keep their order. Several threads may do so."""
        num_rows = {table: frame.height for table, frame in frames.items()}
        empty = {table: frame.clear() for table, frame in frames.items()}
        if not self.is_filing:
            return Parts(_parted(frames), {}, num_rows, empty)
        coded = {table: self.codes.coded(frame) for table, frame in frames.items()}
        ready = {place: rows.to_arrow() for place, rows in _parted(coded).items()}
        return Parts({}, ready, num_rows, empty)

    def add(self, chunk: Parts) -> None:
        """Take in the next chunk, which is written while the caller makes more."""
        self.num_rows += chunk.num_rows[self.sized_by]
        self.empty = chunk.empty
        for place, rows in chunk.held.items():
            self.held[place].append(rows)
        if self.is_filing:
            held = {place: pl.concat(parts) for place, parts in self.held.items()}
            self.held.clear()
            self._wait()
            self.appended = self.thread.submit(self._append, held, chunk.coded)

    def _wait(self) -> None:
        """Wait for what is being written, and raise what went wrong."""
        if self.appended:
            self.appended.result()

    def buckets(self) -> list[Bucket]:
        """Divide what came in; nothing may be added after."""
        self._wait()
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

    def _append(self, held: dict[Place, pl.DataFrame], coded: dict[Place, pa.Table]) -> None:
        """Append rows to the files, what was held first."""
        for place, rows in held.items():
            self._file(place, self.codes.coded(rows).to_arrow())
        for place, ready in coded.items():
            self._file(place, ready)

    def _file(self, place: Place, rows: pa.Table) -> None:
        """Append rows to one file, opened at its first rows."""
        if place not in self.files:
            writer = pa.ipc.new_file(self._path(*place), rows.schema)
            self.files[place] = self.writers.enter_context(writer)
        self.files[place].write_table(rows)

    def _path(self, table: str, at: int) -> Path:
        """Name one of a table's files."""
        return self.folder / f"{table}.{at}.arrow"


def _parted(frames: Frames) -> dict[Place, pl.DataFrame]:
    """Part rows by the file where their prompts belong."""
    parted: dict[Place, pl.DataFrame] = {}
    for table, frame in frames.items():
        of_file = frame.with_columns(part=_number() // WIDTH)
        parts = of_file.partition_by("part", as_dict=True, include_key=False)
        parted |= {(table, int(at)): part for (at,), part in parts.items()}
    return parted


def _number() -> pl.Expr:
    """Give the number that a prompt_id's first digits spell."""
    return pl.col("prompt_id") // pl.lit(16 ** (ids.NUM_DIGITS - NUM_DIGITS), pl.UInt64)


def _within(bucket: Bucket) -> pl.Expr:
    """Say whether a row's prompt is in a bucket."""
    low, high = (int(edge or "0", 16) for edge in (bucket.low, bucket.high))
    return _number() >= low if bucket.high is None else _number().is_between(low, high - 1)
