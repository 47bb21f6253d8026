"""Parquet files that grow."""

from pathlib import Path

import polars as pl
import pytest

from rather.tables.parquet_writer import parquet_writer

ROWS = pl.DataFrame({"id": range(250_000)}, schema={"id": pl.Int64})


@pytest.mark.parametrize("size", [7_000, 100_000, 250_000])
def test_the_bytes_do_not_depend_on_the_parts(size: int, tmp_path: Path) -> None:
    """Row groups are cut by their own size."""
    ROWS.write_parquet(
        tmp_path / "whole", row_group_size=100_000, compression="zstd", compression_level=1
    )
    with parquet_writer(tmp_path / "parts", ROWS.schema) as add:
        for part in ROWS.iter_slices(size):
            add(part)
    assert (tmp_path / "parts").read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_file_without_rows_has_its_columns(tmp_path: Path) -> None:
    """Nothing appended is an empty table."""
    with parquet_writer(tmp_path / "none", ROWS.schema):
        pass
    assert pl.read_parquet(tmp_path / "none").equals(ROWS.clear())


def test_what_goes_wrong_while_writing_is_raised(tmp_path: Path) -> None:
    """Here there is no such folder; appending does not wait for ever."""
    with (
        pytest.raises(FileNotFoundError),
        parquet_writer(tmp_path / "missing" / "file", ROWS.schema) as add,
    ):
        for _ in range(5):
            add(ROWS)


def test_an_error_of_the_caller_is_raised_as_it_is(tmp_path: Path) -> None:
    """Not hidden behind the file's."""
    with (
        pytest.raises(ValueError, match="mine"),
        parquet_writer(tmp_path / "file", ROWS.schema) as add,
    ):
        add(ROWS)
        raise ValueError("mine")
