"""Frames of polars, pandas, pyarrow and `datasets`, as polars frames."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import polars as pl

from rather.schemas.base import UserError

T = TypeVar("T")
EXPECTED = (
    "a path, or a frame: polars DataFrame or LazyFrame, pandas DataFrame, pyarrow Table or "
    "datasets.Dataset"
)


def frame_of(data: Any, what: str, may_be_empty: bool = False) -> pl.DataFrame:
    """Return a frame of any of the libraries as a polars frame.

    Args:
        data: the frame.
        what: its name in messages.
        may_be_empty: whether a frame without rows is right.

    Raises:
        UserError: It is no frame, has no columns or rows, or has columns that polars cannot hold.
    """
    if isinstance(data, pl.LazyFrame):
        frame = _checked(data.collect, what)
    elif isinstance(data, pl.DataFrame):
        frame = data
    elif _is_of(data, "pandas", "DataFrame"):
        _check_names(list(data.columns), what)
        frame = _columns(data, what)
    elif _is_of(data, "pyarrow", "Table", "RecordBatch"):
        _check_names(data.schema.names, what)
        frame = _checked(lambda: pl.DataFrame(pl.from_arrow(data)), what)
    elif _is_of(data, "datasets", "Dataset"):
        frame = _of_dataset(data, what)
    else:
        raise UserError(f"{what}: expected {EXPECTED}, found {_kind(data)}")
    if not frame.width:
        raise UserError(f"{what}: expected columns, found none")
    if not frame.height and not may_be_empty:
        raise UserError(f"{what}: expected rows, found none; columns {', '.join(frame.columns)}")
    return frame


def _is_of(data: object, package: str, *names: str) -> bool:
    """Check whether an object is of a package's classes; a package not imported has no objects."""
    module = sys.modules.get(package)
    return module is not None and isinstance(data, tuple(getattr(module, name) for name in names))


def _kind(data: object) -> str:
    """Return an object's type as a person writes it, with a hint for several splits."""
    kind = type(data)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    if _is_of(data, "datasets", "DatasetDict"):
        splits = ", ".join(map(repr, data)) if isinstance(data, dict) else ""
        return f"{name}; choose one of its splits, {splits}"
    return name


def _check_names(names: list[Any], what: str) -> None:
    """Raise UserError for column names that are no texts, or that stand twice."""
    for name in names:
        if not isinstance(name, str):
            raise UserError(
                f"{what}: expected texts as column names, found {name!r} "
                f"({type(name).__name__}); rename the column"
            )
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise UserError(
            f"{what}: expected each column name once, found {twice[0]!r} "
            f"{names.count(twice[0])} times; rename the columns"
        )


def _columns(data: Any, what: str) -> pl.DataFrame:
    """Convert a pandas frame without its index, column by column, so that errors name one."""
    columns = []
    for name in data.columns:
        column = data[name].reset_index(drop=True)

        def convert(column: Any = column) -> pl.Series:
            return pl.Series(pl.from_pandas(column))

        columns.append(_checked(convert, f"{what}: the column {name!r}").alias(name))
    return pl.DataFrame(columns)


def _of_dataset(data: Any, what: str) -> pl.DataFrame:
    """Convert a data set of Hugging Face's `datasets`, its selected rows in their order."""
    if not data.column_names:
        return pl.DataFrame()
    return _checked(lambda: pl.DataFrame(pl.from_arrow(data.with_format("arrow")[:])), what)


def _checked(convert: Callable[[], T], what: str) -> T:
    """Return what a conversion returns; raise UserError for what polars or Arrow cannot hold."""
    try:
        return convert()
    except (pl.exceptions.PolarsError, ValueError, TypeError, NotImplementedError) as error:
        cause = str(error).splitlines()[0]
        raise UserError(
            f"{what}: expected values of one kind in each column, found: {cause}; correct or leave "
            "out the column"
        ) from None
