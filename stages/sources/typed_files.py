"""Files whose columns have types: Parquet, workbooks, and data sets of the hub."""

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from rather.schemas.base import UserError
from rather.stages.sources.content import Content
from rather.stages.sources.row_batches import NUM_BYTES, NUM_ROWS, Batch, Sheet


def parquet(content: Content) -> Sheet:
    """Open a Parquet file; rows count from 1."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    where = content.whole()
    if _size(where) == 0:
        return Sheet([], lambda _: iter(()))
    try:
        file = pq.ParquetFile(where)
    except (pa.ArrowException, OSError) as error:
        raise _not_parquet(content.path, error) from None

    def batches(columns: Sequence[str] | None) -> Iterator[Batch]:
        try:
            yield from _numbered(_frames(file, where, columns), 1)
        except (pa.ArrowException, OSError, pl.exceptions.PolarsError) as error:
            raise _not_parquet(content.path, error) from None

    return Sheet(file.schema_arrow.names, batches, _members(pl.read_parquet_schema(where)))


def _members(schema: Mapping[str, pl.DataType]) -> list[str]:
    """Return the members of objects, alone or in lists."""
    nested = {n: t.inner if isinstance(t, pl.List) else t for n, t in schema.items()}
    return [
        f"{name}.{member.name}"
        for name, dtype in nested.items()
        if isinstance(dtype, pl.Struct)
        for member in dtype.fields
    ]


def _not_parquet(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: expected a Parquet file, found {error}; write it again")


def _size(where: Path | io.BytesIO) -> int:
    """Count bytes."""
    return where.stat().st_size if isinstance(where, Path) else where.getbuffer().nbytes


def _frames(
    file: Any, where: Path | io.BytesIO, columns: Sequence[str] | None
) -> Iterator[pl.DataFrame]:
    """Read a Parquet file in pieces: by polars, which is faster, where its row groups are small."""
    counts = [_size_of(file.metadata.row_group(at)) for at in range(file.num_row_groups)]
    num_rows, num_bytes = (sum(count) for count in zip((0, 0), *counts, strict=True))
    at_once = max(1, min(NUM_ROWS, NUM_BYTES * num_rows // max(num_bytes, 1)))
    if isinstance(where, Path) and max((rows for rows, _ in counts), default=0) <= 2 * at_once:
        start = 0
        for length in _runs([rows for rows, _ in counts], at_once):
            rows = pl.scan_parquet(where, glob=False).slice(start, length)
            yield (rows if columns is None else rows.select(columns)).collect()
            start += length
        return
    for record in file.iter_batches(at_once, columns=columns):
        yield pl.DataFrame(record)


def _size_of(group: Any) -> tuple[int, int]:
    """Count a row group's rows and bytes."""
    return group.num_rows, group.total_byte_size


def _runs(lengths: Sequence[int], least: int) -> Iterator[int]:
    """Yield the lengths of runs of row groups that have at least `least` rows."""
    together = 0
    for length in lengths:
        together += length
        if together >= least:
            yield together
            together = 0
    if together:
        yield together


def _numbered(frames: Iterator[Any], number: int) -> Iterator[Batch]:
    """Number the rows of frames that follow each other."""
    for frame in frames:
        lines = pl.int_range(number, number + frame.height, dtype=pl.Int64, eager=True)
        number += frame.height
        yield Batch(frame, lines.alias("line"))


def workbook(content: Content) -> Sheet:
    """Open a workbook's first sheet, read whole; rows count as in the workbook, names are row 1."""
    import fastexcel

    where = content.whole()
    try:
        book = fastexcel.read_excel(where if isinstance(where, Path) else where.getvalue())
        frame = book.load_sheet(0).to_polars()
    except (fastexcel.FastExcelError, OSError) as error:
        found = str(error).splitlines()[0]
        raise UserError(f"{content.path}: expected a workbook, found {found}") from None
    return _sheet(frame, 2)


def _sheet(frame: pl.DataFrame, number: int) -> Sheet:
    """Open a frame whose first row has this number."""
    return Sheet(frame.columns, lambda _: _numbered(frame.iter_slices(NUM_ROWS), number))


def hub(name: str) -> Sheet:
    """Open a data set of the hub, owner/name or owner/name:split; without a split train is read.

    Raises UserError where `datasets` is missing, or finds no such data set or split.
    """
    try:
        import datasets  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        raise UserError(f"hub:{name}: expected the package datasets; install rather[hub]") from None
    name, _, split = name.partition(":")
    try:
        splits = datasets.load_dataset(name)
    except Exception as error:  # whatever the network, the hub or a broken data set raises
        raise UserError(f"hub:{name}: expected a data set, found {error}") from None
    split = split or ("train" if "train" in splits else next(iter(splits)))
    if split not in splits:
        raise UserError(f"hub:{name}: expected one of {', '.join(splits)}, found {split!r}")
    rows = splits[split].with_format("arrow")

    def batches(_: Sequence[str] | None) -> Iterator[Batch]:
        return _numbered((pl.from_arrow(table) for table in rows.iter(NUM_ROWS)), 1)

    return Sheet(
        rows.column_names,
        batches,
        _members(pl.DataFrame(rows.features.arrow_schema.empty_table()).schema),
    )
