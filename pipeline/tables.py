"""Table files and their contracts: what is read and written is checked against its schema."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import polars as pl

from pipeline.buckets import WHOLE, Bucket
from pipeline.contracts import check, columns_of, contract, mend, schema_of
from pipeline.files import replacing
from pipeline.writing import Add, growing, write
from schemas.errors import UserError
from stages.ahead import ahead
from stages.ids import numbers, spelt

FEW_NAMES = 1000
MARK = "rather.contract"
T = TypeVar("T")
Frames = tuple[pl.DataFrame, ...]


@dataclass(frozen=True)
class Tables:
    """The tables under one folder, a Parquet file each, in the order of prompt_id.

    elsewhere: the folders of tables that are not there
    """

    folder: Path
    elsewhere: Mapping[str, Path] = field(default_factory=dict)

    def path(self, table: str) -> Path:
        """Give the file of a table."""
        return self.elsewhere.get(table, self.folder) / f"{table}.parquet"

    def read(
        self, table: str, bucket: Bucket = WHOLE, columns: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """Read one bucket of a table and check it, or some columns as they are.

        Raises UserError where the table is missing or breaks its schema.
        """
        path = self._existing(table)
        try:
            rows = pl.scan_parquet(path)
            rows = rows if bucket == WHOLE else rows.filter(bucket.holds())
            frame = (rows if columns is None else rows.select(columns)).collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise UserError(
                f"{path}: expected a Parquet file, found {error}; {mend(table)}"
            ) from None
        if columns is not None or _is_checked(path, table):
            return frame
        return check(frame, table, str(path))

    def height(self, table: str) -> int:
        """Count a table's rows without reading them."""
        return int(pl.scan_parquet(self._existing(table)).select(pl.len()).collect().item())

    def write(self, table: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Check and write a table, its rows in order, so that bytes repeat."""
        ordered = checked(table, frame)
        with replacing(self.path(table)) as draft:
            write(draft, ordered, _mark(table))
        return ordered

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
        with self.writing(tables) as adds:
            for frames, told in ahead(done, buckets):
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
            drafts = [stack.enter_context(replacing(self.path(table))) for table in tables]
            yield tuple(
                stack.enter_context(growing(draft, columns_of(table), _mark(table)))
                for draft, table in zip(drafts, tables, strict=True)
            )

    def read_family(
        self, stage: str, members: Iterable[str], bucket: Bucket = WHOLE
    ) -> pl.DataFrame:
        """Read the tables of a stage that has one per member, as one."""
        empty = schema_of(stage).create_empty()
        return pl.concat([empty, *(self.read(f"{stage}/{name}", bucket) for name in members)])

    def _existing(self, table: str) -> Path:
        """Give the file of a table that has been written."""
        path = self.path(table)
        if not path.is_file():
            raise UserError(
                f"{path}: expected the table {table}, found no such file; run the stage "
                f"{table.split('/')[0]} first (`dvc repro`)"
            )
        return path


def _mark(table: str) -> dict[str, str]:
    """Say in a file what its rows were held to."""
    return {MARK: contract(table)}


def checked(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Check a table and put its rows in order: by prompt where there is one, then by key.

    Ids that come as numbers are spelt.
    """
    schema = schema_of(table)
    names = schema.column_names()
    keys = schema.primary_key() or names
    if any(name not in frame.columns for name in names):
        return check(frame, table, table)
    rows = frame.select(names)
    by = dict.fromkeys(["prompt_id", *keys] if "prompt_id" in names else keys)
    order = rows.select(pl.arg_sort_by(_sortable(rows[key]) for key in by)).to_series()
    ordered = rows if order.is_sorted() else rows[order]
    return check(spelt(ordered), table, table)


def _is_checked(path: Path, table: str) -> bool:
    """Tell whether a file was held to today's contract when written; other tools leave no mark."""
    return pl.read_parquet_metadata(path).get(MARK) == contract(table)


def _sortable(column: pl.Series) -> pl.Series:
    """Give numbers in the order of a column's texts, which sort several times as fast.

    An id is a number written in hex; names are few.
    """
    if column.dtype != pl.String or column.has_nulls():
        return column
    if column.name.endswith("_id"):
        read = column.to_frame().select(numbers(column.name, strict=False)).to_series()
        return column if read.has_nulls() else read
    names = column.unique().sort()
    return column if names.len() > FEW_NAMES else column.cast(pl.Enum(names)).to_physical()
