"""Batches: some rows of a file at a time, as objects or as a typed frame, in the file's order."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import polars as pl

Row = dict[str, Any]
Column = pl.Series | list[Any]
NUM_ROWS = 100_000  # in a batch, at most
NUM_BYTES = 64_000_000  # about, in a batch: few rows where rows are long
DETAIL_LENGTH = 200


class UnreadableError(Exception):
    """A row does not have the shape that its format requires; the text is the reason."""


@dataclass(frozen=True)
class Batch:
    """Rows with the line each stands on, and what was no row at all."""

    rows: list[Row] | pl.DataFrame
    lines: pl.Series
    bad: list[Row] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The columns that any of these rows has."""
        if isinstance(self.rows, pl.DataFrame):
            return self.rows.columns
        return list(dict.fromkeys(chain.from_iterable(self.rows)))

    @property
    def members(self) -> list[str]:
        """The members of the first row's objects, alone or in lists, such as fields.response."""
        first = self.rows[0] if isinstance(self.rows, list) and self.rows else {}
        nested = {name: cell[0] if _is_list(cell) else cell for name, cell in first.items()}
        return [
            f"{name}.{member}"
            for name, cell in nested.items()
            if isinstance(cell, dict)
            for member in cell
        ]

    def column(self, name: str) -> Column:
        """Return a column, typed if all its cells are of one kind."""
        if isinstance(self.rows, pl.DataFrame):
            found = name in self.rows.columns
            return plain(self.rows[name]) if found else _nulls(len(self.lines))
        return typed([row.get(name) for row in self.rows])

    def objects(self) -> Iterable[Row]:
        """Return the rows as objects."""
        if isinstance(self.rows, pl.DataFrame):
            return self.rows.iter_rows(named=True)
        return self.rows

    def renamed(self, names: dict[str, str]) -> "Batch":
        """Return the batch with renamed columns."""
        if not names:
            return self
        if isinstance(self.rows, pl.DataFrame):
            return replace(self, rows=self.rows.rename(names, strict=False))
        rows = [{names.get(name, name): cell for name, cell in row.items()} for row in self.rows]
        return replace(self, rows=rows)

    def row(self, at: int) -> Row:
        """Return one row as an object."""
        if isinstance(self.rows, pl.DataFrame):
            return self.rows.row(at, named=True)
        return self.rows[at]


def _is_list(cell: object) -> bool:
    """Check whether a cell is a non-empty list."""
    return isinstance(cell, list) and bool(cell)


@dataclass(frozen=True)
class Sheet:
    """An opened file: its columns, and its batches (of these columns alone, where it can).

    members: what its objects hold, alone or in lists, such as fields.response
    """

    names: list[str]
    batches: Callable[[Sequence[str] | None], Iterator[Batch]]
    members: list[str] = field(default_factory=list)


def sheet_of_rows(batches: Iterator[Batch]) -> Sheet:
    """Open a stream of objects: its columns are those of the first batch."""
    first = next(batches, None)
    if first is None:
        return Sheet([], lambda _: iter(()))
    return Sheet(first.names, lambda _: chain([first], batches), first.members)


class Growing:
    """A batch in the making."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.lines: list[int] = []
        self.bad: list[Row] = []
        self.num_bytes = 0

    def add(self, line: int, value: object, num_bytes: int = 0) -> None:
        """Add an object; set any other value aside."""
        self.num_bytes += num_bytes
        if isinstance(value, dict):
            self.lines.append(line)
            self.rows.append(value)
        else:
            self.refuse(line, "not_an_object", value)

    def refuse(self, line: int, reason: str, content: object) -> None:
        """Record a line that is no row, with its reason and what was found."""
        self.bad.append(aside("rows", reason, line, content))

    @property
    def full(self) -> bool:
        """Whether the batch has reached its size."""
        return len(self.rows) + len(self.bad) >= NUM_ROWS or self.num_bytes >= NUM_BYTES

    def __bool__(self) -> bool:
        return bool(self.rows or self.bad)

    def batch(self) -> Batch:
        """Return the rows added so far."""
        return Batch(self.rows, pl.Series("line", self.lines, pl.Int64), self.bad)


def batches_of(rows: Iterable[object]) -> Iterator[Batch]:
    """Yield rows in batches, numbered from 1; a row that is no object is set aside."""
    growing = Growing()
    for number, row in enumerate(rows, 1):
        growing.add(number, row)
        if growing.full:
            yield growing.batch()
            growing = Growing()
    if growing:
        yield growing.batch()


def aside(unit: str, reason: str, line: int, content: object) -> Row:
    """Make a row of the set-aside table, without its file."""
    return {"unit": unit, "reason": reason, "source_line": line, "detail": shown(content)}


def shown(content: object) -> str:
    """Return the beginning of a value; what UTF-8 cannot encode becomes a question mark."""
    if isinstance(content, dict):
        content = {name: _clipped(value) for name, value in content.items()}
    text = content if isinstance(content, str) else json.dumps(content, default=str)
    return text[:DETAIL_LENGTH].encode("utf-8", "replace").decode()


def _clipped(value: object) -> object:
    """Shorten a long text, which would cost time and is not shown to its end."""
    return value[:DETAIL_LENGTH] if isinstance(value, str) else value


DTYPES: list[tuple[set[type], type[pl.DataType]]] = [
    ({str}, pl.String),
    ({bool}, pl.Boolean),
    ({int}, pl.Int64),
    ({float}, pl.Float64),
]


def typed(values: list[Any]) -> Column:
    """Make a typed column where all cells are of one kind; others stay as they are."""
    kinds = set(map(type, values)) - {type(None)}
    for fitting, dtype in DTYPES:
        if kinds <= fitting:
            try:
                return pl.Series("", values, dtype)
            except (UnicodeEncodeError, OverflowError, TypeError):  # lone surrogates, vast numbers
                return values
    return values


def cells_of(column: Column) -> list[Any]:
    """Return a column's cells as a list, nested lists as lists."""
    return column.to_list() if isinstance(column, pl.Series) else column


def plain(column: pl.Series) -> Column:
    """Return a file's column with categories, dates and bytes as texts, arrays as lists.

    Short floats are written out, so that 0.7 is 0.7 as in a file of text.
    """
    dtype = column.dtype
    if dtype == pl.Binary:
        return _decoded(column)
    if isinstance(dtype, pl.Array):
        return column.cast(pl.List(dtype.inner))
    if isinstance(dtype, pl.Categorical | pl.Enum) or dtype.is_temporal() or dtype == pl.Null:
        return column.cast(pl.String)
    if dtype in (pl.Float16, pl.Float32):
        return column.cast(pl.String).cast(pl.Float64)
    return column.cast(pl.Float64) if dtype.is_decimal() else column


def _decoded(column: pl.Series) -> Column:
    """Read bytes as UTF-8; in a column that has others, these become halves of surrogate pairs."""
    try:
        return column.cast(pl.String)
    except pl.exceptions.PolarsError:
        cells = column.to_list()
        return [None if cell is None else cell.decode("utf-8", "surrogateescape") for cell in cells]


def _nulls(num: int) -> pl.Series:
    return pl.Series("", [None], pl.String).new_from_index(0, num)
