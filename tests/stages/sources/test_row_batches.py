"""Some rows of a file at a time."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from rather.stages.sources.row_batches import DETAIL_LENGTH, Batch, Growing, aside, typed


def batch(*rows: Any) -> Batch:
    """Make a batch of objects."""
    growing = Growing()
    for line, row in enumerate(rows, 1):
        growing.add(line, row)
    return growing.batch()


def test_what_is_no_object_is_set_aside() -> None:
    """Valid JSON without columns is no row."""
    made = batch({"a": 1}, 3)
    assert made.lines.to_list() == [1]
    assert made.bad == [
        {"unit": "rows", "reason": "not_an_object", "source_line": 2, "detail": "3"}
    ]


def test_columns_are_those_of_all_rows() -> None:
    """In the order in which they first appear."""
    assert batch({"b": 1}, {"a": 2, "b": 3}).names == ["b", "a"]


@pytest.mark.parametrize(
    ("cells", "dtype"),
    [
        (["a", None], pl.String),
        ([1, None], pl.Int64),
        ([1.5, None], pl.Float64),
        ([True, False], pl.Boolean),
        ([None, None], pl.String),
    ],
)
def test_cells_of_one_kind_make_a_typed_column(cells: list[Any], dtype: pl.DataType) -> None:
    """So that they are read by expressions."""
    column = typed(cells)
    assert isinstance(column, pl.Series)
    assert (column.dtype, column.to_list()) == (dtype, cells)


@pytest.mark.parametrize(
    "cells",
    [["a", 1], [True, 1], [1, 2.5], [["a"]], [{"a": 1}], ["\ud800"], [10**400], [2**64]],
)
def test_other_cells_stay_as_they_are(cells: list[Any]) -> None:
    """Mixed, nested, or such that no typed column can hold them."""
    assert typed(cells) is cells


def test_a_row_without_a_column_has_nothing_there() -> None:
    """Whether rows are objects or a frame."""
    assert list(batch({"a": "x"}, {"b": "y"}).column("a")) == ["x", None]
    frame = Batch(pl.DataFrame({"a": ["x", "y"]}), pl.Series([1, 2]))
    assert list(frame.column("b")) == [None, None]


def test_categories_and_dates_are_texts() -> None:
    """As a file of another kind would give them."""
    rows = pl.DataFrame(
        {"a": pl.Series(["x"], dtype=pl.Categorical), "b": [date(2026, 1, 2)]},
    )
    made = Batch(rows, pl.Series([1]))
    assert [list(made.column(name)) for name in "ab"] == [["x"], ["2026-01-02"]]


def test_bytes_are_texts_and_arrays_are_lists() -> None:
    """As some writers of Parquet type them."""
    rows = pl.DataFrame({"a": [b"x"], "b": pl.Series([[1, 2]], dtype=pl.Array(pl.Int8, 2))})
    made = Batch(rows, pl.Series([1]))
    assert [pl.Series(made.column(name)).dtype for name in "ab"] == [
        pl.String,
        pl.List(pl.Int8),
    ]


def test_bytes_that_are_no_text_harm_no_others() -> None:
    """They become halves of surrogate pairs, which no cell may hold."""
    made = Batch(pl.DataFrame({"a": [b"x", b"\xff", b"", None]}), pl.Series([1, 2, 3, 4]))
    assert made.column("a") == ["x", "\udcff", "", None]


def test_short_floats_are_what_they_write() -> None:
    """0.7 in 32 bits is a little less, and would lie outside a scale that begins there."""
    made = Batch(pl.DataFrame({"a": pl.Series([0.7, None], dtype=pl.Float32)}), pl.Series([1, 2]))
    assert list(made.column("a")) == [0.7, None]


def test_columns_can_be_renamed() -> None:
    """Whether rows are objects or a frame; names that are not there change nothing."""
    frame = Batch(pl.DataFrame({"A": ["x"]}), pl.Series([1]))
    for made in (batch({"A": "x"}), frame):
        assert made.renamed({"A": "a", "B": "b"}).names == ["a"]


def test_detail_is_short_and_can_be_written() -> None:
    """The beginning of what was found, half a surrogate pair shown as a question mark."""
    detail = aside("rows", "why", 1, "\ud800" + "x" * 1000)["detail"]
    assert detail == "?" + "x" * (DETAIL_LENGTH - 1)


def test_detail_shows_every_column() -> None:
    """A long text in the first does not hide the second behind a wall of letters for ever."""
    assert aside("rows", "why", 1, {"a": 1, "b": None})["detail"] == '{"a": 1, "b": null}'
