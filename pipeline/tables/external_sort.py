"""External sort of source rows into prompt_id buckets.

Rows in files are compact: names are codes, and ids are numbers. Numbers are partitioned and sorted
several times as fast, and a rating takes a third of the bytes.
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
    """A chunk's rows, partitioned by table and file.

    held, coded: rows for memory, and encoded rows for files
    num_rows:    of each table;  empty: each table without rows
    """

    held: dict[Place, pl.DataFrame]
    coded: dict[Place, pa.Table]
    num_rows: dict[str, int]
    empty: Frames


class Spill:
    """Tables that grow chunk by chunk: in memory while they are small, then in files.

    Every table has the column prompt_id. A file holds one table's rows of a prompt_id range, in
    source order, with numeric ids.
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
        """Whether there are too many rows for memory."""
        return self.num_rows > HELD

    def parted(self, frames: Frames) -> Parts:
        """Partition a chunk's rows, in order within prompts. This is safe from several threads."""
        num_rows = {table: frame.height for table, frame in frames.items()}
        empty = {table: frame.clear() for table, frame in frames.items()}
        if not self.is_filing:
            return Parts(_parted(frames), {}, num_rows, empty)
        coded = {table: self.codes.coded(frame) for table, frame in frames.items()}
        ready = {place: rows.to_arrow() for place, rows in _parted(coded).items()}
        return Parts({}, ready, num_rows, empty)

    def add(self, chunk: Parts) -> None:
        """Add the next chunk; a thread writes it."""
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
        """Wait for the pending write, and raise its error."""
        if self.appended:
            self.appended.result()

    def buckets(self) -> list[Bucket]:
        """Return the buckets; no chunk may be added afterwards."""
        self._wait()
        self.stack.close()
        into = buckets(self.num_rows)
        self.wide = len(into) <= NUM_FILES
        return into

    def take(self, bucket: Bucket, table: str) -> pl.DataFrame:
        """Return one bucket's rows of a table, in source order within prompts."""
        numbers = (
            number
            for number in range(NUM_FILES)
            if bucket.meets(number * WIDTH, (number + 1) * WIDTH - 1)
        )
        rows = self._read(table, numbers) if self.files else self._held(table, numbers)
        return (rows if self.wide else rows.filter(_within(bucket))).rechunk()

    def _held(self, table: str, numbers: Iterable[int]) -> pl.DataFrame:
        """Concatenate a table's rows in memory."""
        parts = (rows for number in numbers for rows in self.held.get((table, number), ()))
        return pl.concat([self.empty[table], *parts])

    def _read(self, table: str, numbers: Iterable[int]) -> pl.DataFrame:
        """Read a table's rows from files."""
        empty = self.empty[table]
        files = [
            pl.scan_ipc(self._path(table, number))
            for number in numbers
            if (table, number) in self.files
        ]
        rows = pl.concat([self.codes.coded(empty).lazy(), *files])
        return self.codes.named(rows.collect(), empty.schema)

    def _append(self, held: dict[Place, pl.DataFrame], coded: dict[Place, pa.Table]) -> None:
        """Append rows to the files, those from memory first."""
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
        """Return the path of one of a table's files."""
        return self.folder / f"{table}.{at}.arrow"


def _parted(frames: Frames) -> dict[Place, pl.DataFrame]:
    """Partition rows by table and file."""
    parted: dict[Place, pl.DataFrame] = {}
    for table, frame in frames.items():
        of_file = frame.with_columns(part=_number() // WIDTH)
        parts = of_file.partition_by("part", as_dict=True, include_key=False)
        parted |= {(table, int(at)): part for (at,), part in parts.items()}
    return parted


def _number() -> pl.Expr:
    """Return the number of a prompt_id's first two hex digits."""
    return pl.col("prompt_id") // pl.lit(16 ** (ids.NUM_DIGITS - NUM_DIGITS), pl.UInt64)


def _within(bucket: Bucket) -> pl.Expr:
    """True for rows whose prompt is in a bucket."""
    low, high = (int(edge or "0", 16) for edge in (bucket.low, bucket.high))
    return _number() >= low if bucket.high is None else _number().is_between(low, high - 1)
