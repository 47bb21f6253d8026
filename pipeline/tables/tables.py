"""Table files and their contracts: what is read and written is checked against its schema."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import polars as pl

from rather.schemas.base import UserError
from rather.stages.common.ids import numeric_ids, text_ids, texts
from rather.stages.common.parallel import prefetch
from rather.tables.atomic_files import atomic_path
from rather.tables.bucket_writer import bucket_writer
from rather.tables.buckets import WHOLE, Bucket
from rather.tables.contracts import (
    check,
    contract,
    how_to_rebuild,
    ids_in,
    is_read,
    schema_of,
    stored,
)
from rather.tables.parquet_writer import Add

FEW_NAMES = 1000
MARK = "rather.contract"
T = TypeVar("T")
Frames = tuple[pl.DataFrame, ...]


@dataclass(frozen=True)
class Tables:
    """The tables under one folder, a Parquet file each, in the order of prompt_id.

    elsewhere: the folders of tables that are not there
    numeric_ids: return ids as numbers, which join and sort several times as fast, not as texts
    """

    folder: Path
    elsewhere: Mapping[str, Path] = field(default_factory=dict)
    numeric_ids: bool = False

    def path(self, table: str) -> Path:
        """Give the file of a table."""
        return self.elsewhere.get(table, self.folder) / f"{table}.parquet"

    def read(
        self, table: str, bucket: Bucket = WHOLE, columns: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """Read one bucket of a table, or some of its columns, and check what nobody checked yet.

        Raises UserError where the table is missing or breaks its schema.
        """
        path = self._existing(table)
        try:
            rows, known = pl.scan_parquet(path), _is_checked(path, table)
            if bucket != WHOLE:
                ids = rows.collect_schema().get("prompt_id", pl.String)
                rows = rows.filter(bucket.holds(ids))
            if known and columns is not None:
                rows = rows.select(columns)
            frame = rows.collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise UserError(
                f"{path}: expected a Parquet file, found {error}; {how_to_rebuild(table)}"
            ) from None
        told = self._told(frame if known else check(frame, table, str(path)), table)
        return told if columns is None else told.select(columns)

    def scan(self, table: str) -> pl.LazyFrame:
        """Give a table to be read in part, its ids as texts."""
        rows = pl.scan_parquet(self._existing(table))
        ids = [name for name in ids_in(table) if rows.collect_schema()[name] == pl.UInt64]
        as_texts = pl.col(ids).map_batches(texts, return_dtype=pl.String(), is_elementwise=True)
        return rows.with_columns(as_texts)

    def height(self, table: str) -> int:
        """Count a table's rows without reading them."""
        return int(pl.scan_parquet(self._existing(table)).select(pl.len()).collect().item())

    def write(self, table: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Check and write a table, its rows in order, so that bytes repeat."""
        ordered = checked(table, frame)
        with self.writing([table]) as (add,):
            add(ordered)
        return self._told(ordered, table)

    def fill(
        self,
        tables: Sequence[str],
        buckets: Sequence[Bucket],
        work: Callable[[Bucket], tuple[Frames, T]],
    ) -> list[T]:
        """Write tables bucket by bucket, as `Run.fill` says."""

        def done(bucket: Bucket) -> tuple[Frames, T]:
            frames, told = work(bucket)
            rows = zip(tables, frames, strict=True)
            return tuple(checked(table, frame) for table, frame in rows), told

        everything = []
        with self.writing(tables) as adds, closing(prefetch(done, buckets)) as results:
            for frames, told in results:
                for add, frame in zip(adds, frames, strict=True):
                    add(frame)
                everything.append(told)
        return everything

    @contextmanager
    def writing(self, tables: Sequence[str]) -> Iterator[tuple[Add, ...]]:
        """Give functions that append each table's next rows, checked and in the order of buckets.

        A table's file appears when all its rows are in.
        """
        with ExitStack() as stack:
            drafts = [stack.enter_context(atomic_path(self.path(table))) for table in tables]
            yield tuple(
                stack.enter_context(bucket_writer(draft, stored(table), {MARK: contract(table)}))
                for draft, table in zip(drafts, tables, strict=True)
            )

    def read_family(
        self,
        stage: str,
        members: Iterable[str],
        bucket: Bucket = WHOLE,
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Read the tables of a stage that has one per member, as one."""
        empty = self._told(schema_of(stage).create_empty(), stage)
        tables = [self.read(f"{stage}/{name}", bucket, columns) for name in members]
        return pl.concat([empty if columns is None else empty.select(columns), *tables])

    def _told(self, frame: pl.DataFrame, table: str) -> pl.DataFrame:
        """Give ids as they are wanted."""
        return (numeric_ids if self.numeric_ids else text_ids)(frame, ids_in(table))

    def _existing(self, table: str) -> Path:
        """Give the file of a table that has been written."""
        path = self.path(table)
        if not path.is_file():
            raise UserError(
                f"{path}: expected the table {table}, found no such file; run the stage "
                f"{table.split('/')[0]} first (`dvc repro`)"
            )
        return path


def checked(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Check a table and put its rows in order: by prompt where there is one, then by key.

    Ids become what the table's file holds.
    """
    schema, ids = schema_of(table), ids_in(table)
    names = schema.column_names()
    keys = schema.primary_key() or names
    rows = numeric_ids(check(frame, table, table), ids)
    by = dict.fromkeys(["prompt_id", *keys] if "prompt_id" in names else keys)
    order = rows.select(pl.arg_sort_by(_sortable(rows[key]) for key in by)).to_series()
    ordered = rows if order.is_sorted() else rows[order]
    return text_ids(ordered, ids) if is_read(table) else ordered


def _is_checked(path: Path, table: str) -> bool:
    """Tell whether a file was held to today's contract when written; other tools leave no mark."""
    return pl.read_parquet_metadata(path).get(MARK) == contract(table)


def _sortable(column: pl.Series) -> pl.Series:
    """Give numbers in the order of a column's names, which sort several times as fast if few."""
    if column.dtype != pl.String or column.has_nulls():
        return column
    names = column.unique().sort()
    return column if names.len() > FEW_NAMES else column.cast(pl.Enum(names)).to_physical()
