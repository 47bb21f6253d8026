"""Table files: each is checked against its schema when written or first read."""

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
from rather.tables.parquet_writer import Add, bucket_writer

FEW_NAMES = 1000
MARK = "rather.contract"
T = TypeVar("T")
Frames = tuple[pl.DataFrame, ...]


@dataclass(frozen=True)
class Tables:
    """The tables under one folder, one Parquet file each, sorted by prompt_id.

    elsewhere: folders of tables that are shared with another run
    numeric_ids: return ids as numbers, which join and sort several times as fast, not as texts
    """

    folder: Path
    elsewhere: Mapping[str, Path] = field(default_factory=dict)
    numeric_ids: bool = False

    def path(self, table: str) -> Path:
        """Return the file of a table."""
        return self.elsewhere.get(table, self.folder) / f"{table}.parquet"

    def read(
        self, table: str, bucket: Bucket = WHOLE, columns: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """Read a table, one bucket of it, or some of its columns.

        The schema is checked unless the file is marked as checked.

        Raises:
            UserError: The table is missing or breaks its schema.
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
        wanted = self._as_wanted(frame if known else check(frame, table, str(path)), table)
        return wanted if columns is None else wanted.select(columns)

    def scan(self, table: str) -> pl.LazyFrame:
        """Return a lazy frame of a table, with ids as texts."""
        rows = pl.scan_parquet(self._existing(table))
        ids = [name for name in ids_in(table) if rows.collect_schema()[name] == pl.UInt64]
        as_texts = pl.col(ids).map_batches(texts, return_dtype=pl.String(), is_elementwise=True)
        return rows.with_columns(as_texts)

    def height(self, table: str) -> int:
        """Count a table's rows without reading them."""
        return int(pl.scan_parquet(self._existing(table)).select(pl.len()).collect().item())

    def write(self, table: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Check and write a table; rows are sorted, so that bytes are reproducible."""
        ordered = checked(table, frame)
        with self.writing([table]) as (add,):
            add(ordered)
        return self._as_wanted(ordered, table)

    def fill(
        self,
        tables: Sequence[str],
        buckets: Sequence[Bucket],
        work: Callable[[Bucket], tuple[Frames, T]],
    ) -> list[T]:
        """Write tables bucket by bucket, as `Run.fill` does."""

        def done(bucket: Bucket) -> tuple[Frames, T]:
            frames, result = work(bucket)
            rows = zip(tables, frames, strict=True)
            return tuple(checked(table, frame) for table, frame in rows), result

        results = []
        with self.writing(tables) as adds, closing(prefetch(done, buckets)) as parts:
            for frames, result in parts:
                for add, frame in zip(adds, frames, strict=True):
                    add(frame)
                results.append(result)
        return results

    @contextmanager
    def writing(self, tables: Sequence[str]) -> Iterator[tuple[Add, ...]]:
        """Return one function per table that appends checked rows, in bucket order.

        The files appear on exit.
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
        """Read and concatenate a stage's tables, one per member."""
        empty = self._as_wanted(schema_of(stage).create_empty(), stage)
        tables = [self.read(f"{stage}/{name}", bucket, columns) for name in members]
        return pl.concat([empty if columns is None else empty.select(columns), *tables])

    def _as_wanted(self, frame: pl.DataFrame, table: str) -> pl.DataFrame:
        """Convert ids to numbers or texts, as this object's option asks."""
        return (numeric_ids if self.numeric_ids else text_ids)(frame, ids_in(table))

    def _existing(self, table: str) -> Path:
        """Return the file of an existing table."""
        path = self.path(table)
        if not path.is_file():
            raise UserError(
                f"{path}: expected the table {table}, found no such file; run the stage "
                f"{table.split('/')[0]} first (`dvc repro`)"
            )
        return path


def checked(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Check and sort a table by prompt_id, if present, then by key.

    Ids are converted to their stored type.
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
    """Check whether a file was checked against the present contract when it was written."""
    return pl.read_parquet_metadata(path).get(MARK) == contract(table)


def _sortable(column: pl.Series) -> pl.Series:
    """Return a sort key: the codes of few distinct names sort several times as fast."""
    if column.dtype != pl.String or column.has_nulls():
        return column
    names = column.unique().sort()
    return column if names.len() > FEW_NAMES else column.cast(pl.Enum(names)).to_physical()
