"""Parquet files in row groups that end where buckets end."""

from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from rather.tables.parquet_writer import bucket_writer

ROWS = pl.DataFrame(
    {
        "prompt_id": [1, 2, 2**63, 2**64 - 1],
        "text": ["a", None, "", "a text that is too long to stand in a view itself"],
        "rater": ["ann", "bob", "ann", None],
        "turns": [["x", "a text that is too long to stand in a view itself"], [], None, [None]],
    },
    schema_overrides={"prompt_id": pl.UInt64},
)


def written(path: Path, *parts: pl.DataFrame) -> pl.DataFrame:
    """Write parts to a file, and read it."""
    with bucket_writer(path, ROWS.schema, {"mark": "x"}) as add:
        for part in parts:
            add(part)
    return pl.read_parquet(path)


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    """Numbers that are ids, texts long and short, lists of texts, nulls."""
    assert written(tmp_path / "f", ROWS).equals(ROWS)


def test_each_part_is_a_row_group(tmp_path: Path) -> None:
    """So that a bucket is read by itself; a bucket without rows leaves none."""
    found = written(tmp_path / "f", ROWS[:3], ROWS.clear(), ROWS[3:])
    file = pq.ParquetFile(tmp_path / "f").metadata
    assert [file.row_group(at).num_rows for at in range(file.num_row_groups)] == [3, 1]
    assert found.equals(ROWS)


def test_a_large_part_is_several_even_row_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four rows with at most three in a group there are two and two."""
    monkeypatch.setattr("rather.tables.parquet_writer.BUCKET_ROWS", 3)
    written(tmp_path / "f", ROWS)
    file = pq.ParquetFile(tmp_path / "f").metadata
    assert [file.row_group(at).num_rows for at in range(file.num_row_groups)] == [2, 2]


def test_row_groups_say_which_prompts_they_hold(tmp_path: Path) -> None:
    """The limits of prompt_id, by which a reader passes over others; texts have none."""
    written(tmp_path / "f", ROWS)
    group = pq.ParquetFile(tmp_path / "f").metadata.row_group(0)
    limits = group.column(0).statistics
    assert (limits.min, limits.max) == (1, 2**64 - 1)
    assert not group.column(1).is_stats_set


def test_a_file_without_rows_has_its_columns_and_its_mark(tmp_path: Path) -> None:
    """Nothing appended is an empty table."""
    assert written(tmp_path / "f").equals(ROWS.clear())
    assert pl.read_parquet_metadata(tmp_path / "f")["mark"] == "x"


def test_what_goes_wrong_while_writing_is_raised(tmp_path: Path) -> None:
    """Here a part lacks a column; appending does not wait for ever."""
    with pytest.raises(ValueError, match="schema"):
        written(tmp_path / "f", *[ROWS.drop("text")] * 5)


def test_an_error_of_the_caller_is_raised_as_it_is(tmp_path: Path) -> None:
    """Not hidden behind the file's."""
    with (
        pytest.raises(ValueError, match="mine"),
        bucket_writer(tmp_path / "f", ROWS.schema, {}) as add,
    ):
        add(ROWS)
        raise ValueError("mine")
