"""Rows of a run's tables by their ids, which files between the stages hold as numbers."""

from collections.abc import Iterable
from typing import Any

import polars as pl

from rather.run import Run
from rather.schemas.base import UserError
from rather.stages.common.ids import NUM_DIGITS, text_ids
from rather.tables.contracts import how_to_rebuild, ids_in, is_read, schema_of

Row = dict[str, Any]


def rows_of(run: Run, tables: Iterable[str], where: pl.Expr) -> pl.DataFrame:
    """Return the rows of tables of one kind that fulfil a condition; missing tables are empty."""
    names = list(tables)
    empty = schema_of(names[0]).create_empty()
    found = [_found(run, name, where, empty.columns) for name in names]
    return pl.concat([empty, *(rows for rows in found if rows is not None)])


def _found(run: Run, table: str, where: pl.Expr, columns: list[str]) -> pl.DataFrame | None:
    """Read the rows of one table that fulfil a condition, None where it is not there."""
    path = run.tables.path(table)
    if not path.is_file():
        return None
    try:
        rows = pl.scan_parquet(path).filter(where).select(columns).collect()
    except pl.exceptions.PolarsError as error:
        found = str(error).splitlines()[0]
        raise UserError(
            f"{path}: expected the table {table}, found {found}; {how_to_rebuild(table)}"
        ) from None
    return text_ids(rows, ids_in(table))


def row_of(run: Run, table: str, **ids: str) -> Row | None:
    """Return the one row of a table with these ids, or None."""
    texts = pl.all_horizontal(pl.col(name) == value for name, value in ids.items())
    found = rows_of(run, [table], texts if is_read(table) else are(**ids))
    return found.row(0, named=True) if found.height else None


def are(**ids: str) -> pl.Expr:
    """Return the condition for rows with these ids; prompt_id makes it quick."""
    return pl.all_horizontal(is_one_of(name, value) for name, value in ids.items())


def is_one_of(column: str, *ids: str) -> pl.Expr:
    """Return the condition for a numeric id column to be one of these ids."""
    return pl.any_horizontal(pl.col(column) == _number(value) for value in ids)


def begins(column: str, digits: str) -> pl.Expr:
    """Return the condition for a numeric id column to begin with these digits."""
    least, most = (_number(digits.ljust(NUM_DIGITS, end)) for end in ("0", "f"))
    return pl.col(column).is_between(least, most)


def _number(digits: str) -> pl.Expr:
    """Read an id."""
    return pl.lit(int(digits, 16), pl.UInt64)
