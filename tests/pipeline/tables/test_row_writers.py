"""Rows for trainers to read, written part by part."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rather.tables.row_writers import ENDINGS, row_writer

SCHEMA = {"text": pl.String, "turns": pl.List(pl.String), "weight": pl.Float64}
PARTS = [
    pl.DataFrame([("a\nb", ["user"], 1.0), ("c\u2028d", [], 2.5)], SCHEMA, orient="row"),
    pl.DataFrame([('"e"', [], None), (None, None, 0.0)], SCHEMA, orient="row"),
]
ROWS = pl.concat(PARTS)


def write(path: Path, *parts: pl.DataFrame) -> Path:
    """Append parts to a file."""
    with row_writer(path) as append:
        for part in parts:
            append(part)
    return path


def read(path: Path) -> Any:
    """Read a file's rows with another reader than the one that wrote them."""
    if path.suffix == ".parquet":
        return pl.read_parquet(path).to_dicts()
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.split("\n")[:-1]]
    return json.loads(text)


@pytest.mark.parametrize("ending", ENDINGS)
def test_parts_make_one_file(ending: str, tmp_path: Path) -> None:
    """Newlines, quotation marks, empty lists and nulls come back as they were, in their order."""
    assert read(write(tmp_path / f"rows{ending}", *PARTS)) == ROWS.to_dicts()


@pytest.mark.parametrize("ending", ENDINGS)
def test_parts_without_rows_leave_no_trace(ending: str, tmp_path: Path) -> None:
    """Before, between and after parts that have some."""
    empty = ROWS.clear()
    path = write(tmp_path / f"rows{ending}", empty, PARTS[0], empty, PARTS[1], empty)
    assert read(path) == ROWS.to_dicts()


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_row_at_all_is_an_empty_file_of_its_kind(ending: str, tmp_path: Path) -> None:
    """A table without rows, no lines, an empty array."""
    assert read(write(tmp_path / f"rows{ending}", ROWS.clear())) == []


@pytest.mark.parametrize("ending", [".jsonl", ".json"])
def test_each_row_is_one_line(ending: str, tmp_path: Path) -> None:
    """So that a person, or a line-by-line tool, can look into either kind of JSON."""
    lines = write(tmp_path / f"rows{ending}", *PARTS).read_text(encoding="utf-8").split("\n")
    assert sum('"text"' in line for line in lines) == ROWS.height
